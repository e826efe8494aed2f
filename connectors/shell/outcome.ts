/**
 * What an ended job means: exit codes to classes, files to outputs.
 *
 * The shell reports a command that a signal ended as 128 plus the signal's number, and so does
 * this; a command that exits with such a number by itself looks the same.
 */
import { constants } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { Json } from '../../model/json.ts';
import { unwritable } from '../../model/json-text.ts';
import {
  ActionFailure,
  type JobState,
  OUTPUT_LIMIT_BYTES,
  outputTooLarge,
  problemSentence,
  readJsonBytes,
  readText,
} from '../kit/index.ts';
import { NotPlain, plainSize, readPlain } from './plain-file.ts';

export const OUTPUT_MODES = ['none', 'text', 'json', 'lines'] as const;
type OutputMode = (typeof OUTPUT_MODES)[number];

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
type ExitCodes = z.output<typeof exitCodesSchema>;

export interface Expected {
  readonly output: OutputMode;
  readonly exitCodes: ExitCodes;
}

/** The number that a shell gives a command that this signal ended, and back. */
function signalOf(exitCode: number): string | undefined {
  const number = exitCode - 128;
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
}

export function endsWell(exitCode: number, { ok, warn }: ExitCodes): boolean {
  return ok.includes(exitCode) || warn.includes(exitCode);
}

export async function outcomeOf(
  folder: string,
  exitCode: number,
  { output, exitCodes }: Expected,
): Promise<JobState<ShellOutput>> {
  const native = nativeOf(exitCode);
  if (!endsWell(exitCode, exitCodes)) {
    return { state: 'failed', failure: failureOf(exitCode, exitCodes), native };
  }
  const warned = exitCodes.warn.includes(exitCode);
  try {
    await checkLog(folder);
    const value = { exitCode, warned, ...(await readOutput(folder, output)) };
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

/** What was printed is the log: a job that put something else in its place has none. */
async function checkLog(folder: string): Promise<void> {
  for (const name of ['out', 'err']) await plainly(name, () => plainSize(path.join(folder, name)));
}

async function readOutput(
  folder: string,
  mode: OutputMode,
): Promise<Omit<ShellOutput, 'exitCode' | 'warned'>> {
  switch (mode) {
    case 'none':
      return {};
    case 'text':
      return { text: textOf(await readResult(folder)).replace(/\r?\n$/, '') };
    case 'lines':
      return { lines: splitLines(textOf(await readResult(folder))) };
    case 'json':
      return { json: parseJson(await readResult(folder)) };
  }
}

/** What the job wrote to $TUTTI_OUTPUT; else what it printed. */
async function readResult(folder: string): Promise<Buffer> {
  const bytes =
    (await readLimited('$TUTTI_OUTPUT', path.join(folder, 'output'))) ??
    (await readLimited('out', path.join(folder, 'out')));
  if (bytes === undefined) throw rejected('ended well, but removed the file of what it printed');
  return bytes;
}

async function readLimited(name: string, file: string): Promise<Buffer | undefined> {
  const bytes = await plainly(name, () => readPlain(file, OUTPUT_LIMIT_BYTES));
  if (bytes !== undefined && bytes.length > OUTPUT_LIMIT_BYTES) {
    throw outputTooLarge("the job's output");
  }
  return bytes;
}

async function plainly<T>(name: string, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof NotPlain) throw misplaced(name, error.what);
    throw error;
  }
}

function misplaced(name: string, what: string): ActionFailure {
  return rejected(
    `what the job left at ${name} is ${what}, not a plain file, and cannot be read; write a plain file there, or nothing`,
  );
}

/** The job reached for what tells its end. */
export function spoiled(name: string, what: string): ActionFailure {
  return rejected(
    `the job changed ${name} in its attempt folder, which is Tutti's own (it is ${what} now): how it ended cannot be told; look at what it did before running it again`,
  );
}

function rejected(message: string): ActionFailure {
  return new ActionFailure({ class: 'rejected', code: 'shell.output', message });
}

/** A text that can be kept as it is; else what was lost of it could not be told. */
function textOf(bytes: Buffer): string {
  const { text, problem } = readText(bytes);
  if (problem !== undefined) throw unreadable(problemSentence(problem));
  const wrong = unwritable(text);
  if (wrong !== undefined) throw unreadable(`the text ${wrong}`);
  return text;
}

function unreadable(why: string): ActionFailure {
  return rejected(`ended well, but its output cannot be kept as text: ${why}`);
}

function splitLines(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** The whole text; or its last line, for jobs that print their progress before their result. */
function parseJson(bytes: Buffer): ShellOutput['json'] {
  const whole = readJsonBytes(bytes);
  if (whole.problem === undefined) return whole.value as ShellOutput['json'];
  const last = readJsonBytes(lastLine(bytes));
  if (last.problem === undefined) return last.value as ShellOutput['json'];
  throw rejected(
    `ended well, but neither $TUTTI_OUTPUT nor the last line that it printed is JSON: ${problemSentence(whole.problem)}; write one JSON value, or declare \`output: text\``,
  );
}

const LINE_FEED = 0x0a;
const SPACE = 0x20;

function lastLine(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] ?? 0) <= SPACE) end -= 1;
  return end === 0
    ? bytes.subarray(0, 0)
    : bytes.subarray(bytes.lastIndexOf(LINE_FEED, end - 1) + 1, end);
}
