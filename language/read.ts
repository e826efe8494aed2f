/**
 * Reading a workflow: the file becomes a definition, or every mistake in it at once, each with
 * its line, column and what to do.
 *
 *   reading/source        text to value, YAML 1.2 or JSON; paths back to lines and columns
 *   reading/json          the short way for JSON that has no mistakes
 *   reading/lower         value to definition, step by step
 *   reading/draft         one task: its fields and its kind
 *   reading/task, switch, modifiers, links, actions, expressions   the parts of a task
 *   reading/graph         cycles, and tasks that can never start
 */
import type { ActionCatalogue } from '../model/action.ts';
import type { Definition } from '../model/definition.ts';
import type { Problem } from '../model/errors.ts';
import { plainJson } from '../model/plain.ts';
import { quickJson } from './reading/json.ts';
import { SOURCE_CHARACTERS, readSource } from './reading/source.ts';
import { lower } from './reading/lower.ts';
import { lowerDocument, type LoweredDocument } from './reading/document.ts';
import type { PoolDefinition } from '../model/pool.ts';
import { type Issue, toProblem } from '../model/issue.ts';

export { formatProblem } from '../model/problem.ts';

export interface ReadResult {
  /** Null when there are problems. */
  readonly definition: Definition | null;
  /** The file holds no workflow but a pool. */
  readonly pool?: PoolDefinition;
  readonly problems: readonly Problem[];
}

export interface ReadOptions {
  /** For messages: the file's name. */
  readonly file?: string;
  /** Without it actions are not looked up. */
  readonly actions?: ActionCatalogue;
  /** What a caller who knows other files found in this one: it is given its place. */
  readonly found?: readonly Issue[];
}

/** Reads the text of a workflow file. Never throws for what stands in it. */
export function readWorkflow(source: string, options: ReadOptions = {}): ReadResult {
  const { found = [] } = options;
  const quickly = found.length === 0 && source.length <= SOURCE_CHARACTERS;
  const json = quickly ? quickJson(source) : undefined;
  const quick = json === undefined ? undefined : lowerDocument(json, options.actions);
  if (quick?.issues.length === 0) return resultOf(quick, []);
  const read = readSource(source, options.file);
  if ('problems' in read) return { definition: null, problems: read.problems };
  const lowered = lowerDocument(read.value, options.actions);
  const placed = [...lowered.issues, ...found].map((issue) => read.place(issue));
  placed.sort((left, right) => {
    return left.line - right.line || left.column - right.column;
  });
  return resultOf(lowered, placed);
}

function resultOf({ definition, pool }: LoweredDocument, problems: readonly Problem[]): ReadResult {
  if (problems.length > 0) return { definition: null, problems };
  return { definition, ...(pool !== undefined && { pool }), problems };
}

/** The same checks for a workflow that a program made: problems carry paths instead of places. */
export function lowerWorkflow(value: unknown, options: ReadOptions = {}): ReadResult {
  const named = options.file === undefined ? {} : { file: options.file };
  const refused = plainJson(value);
  if (refused !== undefined) {
    return { definition: null, problems: [{ ...toProblem(refused), ...named }] };
  }
  const { definition, issues } = lower(value, options.actions);
  return { definition, problems: issues.map((issue) => ({ ...toProblem(issue), ...named })) };
}
