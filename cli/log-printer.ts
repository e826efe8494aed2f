/**
 * Logs on a screen. Chunks end anywhere; lines are put together for each task and stream, so that
 * tasks that write at the same time do not cut each other's lines.
 */
import type { LogBatch, LogChunkView } from '../protocol/logs.ts';
import { RUN_IS_OVER } from '../model/run.ts';
import type { Client } from './client.ts';
import type { Terminal } from './terminal.ts';
import { harmless, type Paint } from './view/words.ts';

const WAIT = '20s';
/** A line that never ends is printed in pieces. */
const LINE_MAX_LENGTH = 64 * 1024;

export class LogPrinter {
  readonly #terminal: Terminal;
  readonly #paint: Paint;
  readonly #options: { readonly json: boolean; readonly named: boolean };
  readonly #open = new Map<string, { chunk: LogChunkView; text: string }>();

  constructor(
    terminal: Terminal,
    paint: Paint,
    options: { readonly json: boolean; readonly named: boolean },
  ) {
    this.#terminal = terminal;
    this.#paint = paint;
    this.#options = options;
  }

  print(chunk: LogChunkView): void {
    if (this.#options.json) {
      this.#terminal.out(`${JSON.stringify(chunk)}\n`);
      return;
    }
    const key = `${chunk.task}\n${chunk.attempt}\n${chunk.stream}`;
    const text = (this.#open.get(key)?.text ?? '') + chunk.text;
    const lines = text.split('\n');
    const rest = chunk.stream === 'note' ? '' : (lines.pop() ?? '');
    if (rest.length > LINE_MAX_LENGTH) lines.push(rest);
    const whole = lines.filter((line) => line !== '' || chunk.stream !== 'note');
    this.#lines(chunk, whole);
    const open = rest.length > LINE_MAX_LENGTH ? '' : rest;
    if (open === '') this.#open.delete(key);
    else this.#open.set(key, { chunk, text: open });
  }

  /** Lines that were never ended. */
  end(): void {
    for (const { chunk, text } of this.#open.values()) this.#lines(chunk, [text]);
    this.#open.clear();
  }

  /** In one piece: a long log is written as fast as it is read. */
  #lines(chunk: LogChunkView, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const attempt = chunk.attempt > 1 ? `#${chunk.attempt}` : '';
    const name = this.#options.named ? this.#paint.dim(`${harmless(chunk.task)}${attempt} | `) : '';
    const mark =
      chunk.stream === 'out' ? '' : this.#paint.dim(chunk.stream === 'err' ? '! ' : '* ');
    const text = lines.map((line) => `${name}${mark}${harmless(line.replace(/\r$/, ''))}\n`);
    this.#terminal.out(text.join(''));
  }
}

interface LogsToFollow {
  readonly task: string | undefined;
  readonly attempt: number | undefined;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/** Prints what there is; with `follow` until the run has ended or the signal comes. */
export async function followLogs(
  client: Client,
  run: string,
  printer: LogPrinter,
  { task, attempt, follow, signal }: LogsToFollow,
): Promise<void> {
  let after: string | undefined;
  const wait = follow ? WAIT : undefined;
  try {
    while (!signal.aborted) {
      const batch: LogBatch = await client.readLogs(
        { run, task, attempt, after, wait },
        { signal },
      );
      for (const chunk of batch.chunks) printer.print(chunk);
      after = batch.next ?? undefined;
      const over = !follow || RUN_IS_OVER.has(batch.status);
      if (over && !batch.more) return;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    printer.end();
  }
}
