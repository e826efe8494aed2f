/**
 * States in signs, words and colours: always a word, never colour alone. Times in few letters.
 */
import type { RunStatus, TaskStatus } from '../../model/run.ts';

const SIGNS: Readonly<Record<TaskStatus | RunStatus, string>> = {
  waiting: '·',
  held: '‖',
  queued: '○',
  running: '▶',
  retrying: '↻',
  deciding: '?',
  unknown: '‽',
  succeeded: '✔',
  warned: '▲',
  failed: '✖',
  'timed-out': '✖',
  cancelled: '⊘',
  cancelling: '⊘',
  skipped: '↷',
};

const COLORS: Readonly<Record<TaskStatus | RunStatus, number>> = {
  waiting: 90,
  held: 35,
  queued: 36,
  running: 36,
  retrying: 33,
  deciding: 35,
  unknown: 33,
  succeeded: 32,
  warned: 33,
  failed: 31,
  'timed-out': 31,
  cancelled: 33,
  cancelling: 33,
  skipped: 90,
};

export class Paint {
  readonly #on: boolean;
  constructor(on: boolean) {
    this.#on = on;
  }
  #wrap(code: number, text: string): string {
    return this.#on ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
  sign(status: TaskStatus | RunStatus): string {
    return this.#wrap(COLORS[status], SIGNS[status]);
  }
  status(status: TaskStatus | RunStatus): string {
    return this.#wrap(COLORS[status], `${SIGNS[status]} ${status}`);
  }
  bold(text: string): string {
    return this.#wrap(1, text);
  }
  dim(text: string): string {
    return this.#wrap(90, text);
  }
  red(text: string): string {
    return this.#wrap(31, text);
  }
}

/** What the text takes on the screen: escape sequences take nothing. */
export function widthOf(text: string): number {
  // oxlint-disable-next-line no-control-regex -- escape sequences begin with one
  return Array.from(text.replaceAll(/\u001b\[[0-9;]*m/g, '')).length;
}

/**
 * Other people's text on a screen: control characters could redraw it, and those that turn the
 * direction of writing could show one word for another. Tabs and ends of line stay.
 */
export function harmless(text: string): string {
  return text.replaceAll(DANGEROUS, (found) => '�'.repeat(found.length));
}
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const DANGEROUS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g;

/** The same where a second line would be taken for one of ours. */
export function oneLine(text: string): string {
  return harmless(text.replaceAll(/\r?\n|\r/g, '↵').replaceAll('\t', ' '));
}

/** Everything that commands print passes here: only the paint is ours, whatever else it holds. */
export function printable(line: string): string {
  return line
    .split(PAINT)
    .map((part, at) => (at % 2 === 0 ? harmless(part) : part))
    .join('');
}
// oxlint-disable-next-line no-control-regex -- what `Paint` writes
const PAINT = /(\u001b\[(?:0|1|3[1-6]|90)m)/;

/** 450ms, 3.2s, 1m05s, 2h03m, 3d04h. */
export function duration(ms: number): string {
  if (ms < 0) return '0ms';
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${pad(seconds % 60)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h${pad(minutes % 60)}m`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)}d${pad(hours % 24)}h`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

/** 2026-01-31 14:05:09, in UTC. */
export function moment(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}

/** 14:05:09 */
export function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}

/** Columns as wide as their widest cell; the last one is not padded. A row is one line. */
export function table(given: readonly (readonly string[])[]): string[] {
  const rows = given.map((row) => row.map((cell) => cell.replaceAll(BREAKS, '↵')));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, widthOf(cell));
    });
  }
  return rows.map((row) => {
    const cells = row.map((cell, at) => {
      const last = at === row.length - 1;
      return last ? cell : cell + ' '.repeat((widths[at] ?? 0) - widthOf(cell));
    });
    return cells.join('  ').trimEnd();
  });
}

const BREAKS = /\r?\n|\r/g;

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
