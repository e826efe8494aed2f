/** Workflow files and input files from the disk, or from standard input as `-`. */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { type Problem, TuttiError } from '../../model/errors.ts';
import { problemSentence, readJson } from '../../model/json-text.ts';
import type { JsonObject } from '../../model/json.ts';
import { readSource } from '../../language/reading/source.ts';
import { readText } from '../../model/text-bytes.ts';
import type { LocalContext } from '../context.ts';
import { readGiven } from '../system-refusal.ts';

export interface WorkflowFile {
  readonly source: string;
  /** As it was given: what problems call it. */
  readonly file: string;
  /** Where its relative paths start. */
  readonly directory: string;
}

const SOURCE_ENDINGS: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json']);

/** A name of a workflow, or a file? A slash, a known ending or being there make it a file. */
export function looksLikeFile(word: string, workingDirectory: string): boolean {
  return (
    word === '-' ||
    word.includes('/') ||
    SOURCE_ENDINGS.has(extname(word).toLowerCase()) ||
    existsSync(resolve(workingDirectory, word))
  );
}

export function readWorkflowFile(context: LocalContext<unknown>, file: string): WorkflowFile {
  const { workingDirectory } = context.terminal;
  const path = resolve(workingDirectory, file);
  const { text: source, problem } = readText(readBytes(file, path));
  if (problem !== undefined) {
    throw new TuttiError('workflow.invalid', `${file} cannot be read as text.`, {
      problems: [{ ...problem, file }],
    });
  }
  context.sources.set(file, source);
  const directory = file === '-' ? workingDirectory : dirname(realpathSync(path));
  return { source, file, directory };
}

function readBytes(file: string, path: string): Uint8Array {
  return readGiven(file === '-' ? 0 : path, file);
}

/** A JSON or YAML file that holds one object. */
export function readInputsFile(context: LocalContext<unknown>, file: string): JsonObject {
  const { text, problem } = readText(
    readBytes(file, resolve(context.terminal.workingDirectory, file)),
  );
  if (problem !== undefined) throw unreadable(file, [problem]);
  const json = /^\s*[[{]/.test(text) ? readJson(text).value : undefined;
  const source = json === undefined ? readSource(text, undefined) : { value: json };
  if ('problems' in source) throw unreadable(file, source.problems);
  if (isJsonObject(source.value)) return source.value;
  throw new TuttiError('inputs.invalid', `${file} must hold one object: a value for each input.`);
}

function unreadable(file: string, problems: readonly Problem[]): TuttiError {
  const words = problems.map(problemSentence).join('; ');
  return new TuttiError('inputs.invalid', `${file}: ${words}.`);
}

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
