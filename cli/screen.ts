/**
 * A few lines at the bottom of the terminal that are drawn again in place. Plain escape sequences:
 * up, clear to the end, cursor off and on. Lines are cut to the width and the height, because a
 * line that wraps or scrolls away cannot be found again.
 */
import type { Terminal } from './terminal.ts';
import { widthOf } from './view/words.ts';

const HIDE = '\u001b[?25l';
const SHOW = '\u001b[?25h';
const CLEAR_BELOW = '\u001b[0J';

export class Screen {
  readonly #terminal: Terminal;
  #height = 0;
  #hidden = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  draw(lines: readonly string[]): void {
    const width = this.#terminal.columns();
    const shown = fit(lines, Math.max(2, this.#terminal.rows() - 1));
    const up = this.#height > 0 ? `\u001b[${this.#height}A\r` : '';
    const hide = this.#hidden ? '' : HIDE;
    this.#hidden = true;
    this.#terminal.out(
      `${hide}${up}${CLEAR_BELOW}${shown.map((line) => `${cut(line, width)}\n`).join('')}`,
    );
    this.#height = shown.length;
  }

  /** Leaves the last picture standing. */
  end(): void {
    if (this.#hidden) this.#terminal.out(SHOW);
    this.#hidden = false;
    this.#height = 0;
  }
}

function fit(lines: readonly string[], height: number): readonly string[] {
  if (lines.length <= height) return lines;
  const kept = lines.slice(0, height - 1);
  return [...kept, `… ${lines.length - kept.length} more lines`];
}

/** Cuts the visible characters and keeps every escape sequence, so colours end where they should. */
export function cut(line: string, width: number): string {
  if (widthOf(line) <= width) return line;
  let room = width;
  // oxlint-disable-next-line no-control-regex -- escape sequences begin with one
  return line.replaceAll(/\u001b\[[0-9;]*m|[\s\S]/gu, (part) => {
    if (part.length > 2) return part;
    room -= 1;
    return room > 0 ? part : room === 0 ? '…' : '';
  });
}
