/**
 * What an ended job means: exit codes to classes, files to outputs.
 *
 * The shell reports a command that a signal ended as 128 plus the signal's number, and so does
 * this; a command that exits with such a number by itself looks the same.
 */
import { readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { Json } from '../../model/json.ts';
import { ActionFailure, type JobState, OUTPUT_LIMIT_BYTES, outputTooLarge } from '../kit/index.ts';

export const OUTPUT_MODES = ['none', 'text', 'json', 'lines'] as const;
export type OutputMode = (typeof OUTPUT_MODES)[number];

export const outputSchema = z.strictObject({
  exitCode: z.int(),
  warned: z.boolean().describe('The exit code is one of `warn`'),
  text: z.string().optional(),
  json: z.json().optional(),
  lines: z.array(z.string()).optional(),
});
export type ShellOutput = z.output<typeof outputSchema>;

const codes = z.array(z.int().min(0).max(255));
export const exitCodesSchema = z.strictObject({
  ok: codes.default([0]).describe('Ends succeeded'),
  warn: codes.default([]).describe('Ends succeeded with `output.warned`'),
  transient: codes.default([]).describe('Not this time: retry may try again'),
  rejected: codes.default([]).describe('Never retried'),
});
export type ExitCodes = z.output<typeof exitCodesSchema>;

export interface Expected {
  readonly output: OutputMode;
  readonly exitCodes: ExitCodes;
}

/** The number that a shell gives a command that this signal ended, and back. */
export function signalOf(exitCode: number): string | undefined {
  const number = exitCode - 128;
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
}

export function endsWell(exitCode: number, { ok, warn }: ExitCodes): boolean {
  return ok.includes(exitCode) || warn.includes(exitCode);
}

export function outcomeOf(
  folder: string,
  exitCode: number,
  { output, exitCodes }: Expected,
): JobState<ShellOutput> {
  const native = nativeOf(exitCode);
  if (!endsWell(exitCode, exitCodes)) {
    return { state: 'failed', failure: failureOf(exitCode, exitCodes), native };
  }
  const warned = exitCodes.warn.includes(exitCode);
  try {
    const value = { exitCode, warned, ...readOutput(folder, output) };
    return { state: 'succeeded', output: value, native };
  } catch (error) {
    if (error instanceof ActionFailure) return { state: 'failed', failure: error, native };
    throw error;
  }
}

function nativeOf(exitCode: number): Json {
  const signal = signalOf(exitCode);
  return signal === undefined ? { exitCode } : { exitCode, signal };
}

function failureOf(exitCode: number, exitCodes: ExitCodes): ActionFailure {
  const signal = signalOf(exitCode);
  const native = nativeOf(exitCode);
  if (exitCodes.transient.includes(exitCode)) {
    const message = `ended with exit code ${exitCode}, which is declared transient`;
    return new ActionFailure({ class: 'transient', code: 'shell.exit', message, native });
  }
  if (exitCodes.rejected.includes(exitCode)) {
    const message = `ended with exit code ${exitCode}, which is declared rejected`;
    return new ActionFailure({ class: 'rejected', code: 'shell.exit', message, native });
  }
  if (signal !== undefined) {
    const message = `was ended by ${signal} (exit code ${exitCode})`;
    return new ActionFailure({ class: 'failed', code: 'shell.signal', message, native });
  }
  const message = `ended with exit code ${exitCode}${MEANINGS[exitCode] ?? ''}`;
  return new ActionFailure({ class: 'failed', code: 'shell.exit', message, native });
}

const MEANINGS: Readonly<Record<number, string>> = {
  126: ': the command is there but cannot be executed; check its permissions',
  127: ': the command was not found; check its name and PATH',
};

function readOutput(folder: string, mode: OutputMode): Omit<ShellOutput, 'exitCode' | 'warned'> {
  switch (mode) {
    case 'none':
      return {};
    case 'text':
      return { text: readText(folder).replace(/\n$/, '') };
    case 'lines':
      return { lines: splitLines(readText(folder)) };
    case 'json':
      return { json: parseJson(readText(folder)) };
  }
}

/** What the job wrote to $TUTTI_OUTPUT; else what it printed. */
function readText(folder: string): string {
  const written = path.join(folder, 'output');
  const there = statSync(written, { throwIfNoEntry: false });
  const file = there === undefined ? path.join(folder, 'out') : written;
  const { size } = there ?? statSync(file);
  if (size > OUTPUT_LIMIT_BYTES) throw outputTooLarge("the job's output");
  return readFileSync(file, 'utf8');
}

function splitLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** The whole text; or its last line, for jobs that print their progress before their result. */
function parseJson(text: string) {
  const last = splitLines(text.trimEnd()).at(-1) ?? '';
  for (const candidate of [text, last]) {
    try {
      return z.json().parse(JSON.parse(candidate));
    } catch {
      // the next candidate
    }
  }
  throw new ActionFailure({
    class: 'rejected',
    code: 'shell.output',
    message:
      'ended well, but neither $TUTTI_OUTPUT nor the last line that it printed is JSON; write one JSON value, or declare `output: text`',
  });
}
