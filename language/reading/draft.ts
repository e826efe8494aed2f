/**
 * A task of the file with its fields checked one by one: what kind it is, and whether its fields
 * fit that kind. What concerns other tasks comes later.
 */
import type { z } from 'zod';
import type { Body } from '../../model/definition.ts';
import type { Schema } from '../expression/check.ts';
import { NAME, NAME_CHARACTERS, RESERVED_NAMES, taskShape } from '../workflow.ts';
import { checkFields, formOf } from './fields.ts';
import { Needs } from './needs.ts';
import { type Path, type Report, found, isRecord } from '../../model/issue.ts';

const TASK = formOf(taskShape);

type Kind = Body['kind'];
export type Fields = { readonly [K in keyof typeof taskShape]?: z.input<(typeof taskShape)[K]> };

export interface Draft {
  readonly name: string;
  readonly position: number;
  readonly path: Path;
  readonly fields: Fields;
  readonly needs: Needs;
  /** Undefined when it cannot be told. */
  readonly kind: Kind | undefined;
  /** Output of one attempt, where known. */
  readonly output: Schema;
}

const KINDS: readonly Kind[] = ['action', 'workflow', 'switch', 'wait', 'approve'];

const EVERYWHERE = ['title', 'description', 'needs', 'join', 'when'];
const WORK = ['each', 'parallel', 'warn', 'retry', 'timeout', 'pool'];
const FITTING: Readonly<Record<Kind, ReadonlySet<string>>> = {
  action: new Set([...EVERYWHERE, ...WORK, 'action', 'system', 'with', 'until']),
  workflow: new Set([...EVERYWHERE, ...WORK, 'workflow', 'inputs']),
  switch: new Set([...EVERYWHERE, 'switch']),
  wait: new Set([...EVERYWHERE, 'wait']),
  approve: new Set([...EVERYWHERE, 'approve']),
};

export function draftTask(
  name: string,
  raw: unknown,
  position: number,
  report: Report,
): Omit<Draft, 'output'> {
  const path = ['tasks', name];
  checkTaskName(name, path, report);
  if (!isRecord(raw)) {
    const message = `expected a map with the fields of a task, found ${found(raw)}`;
    report({ code: 'field.type', message, path });
    return { name, position, path, fields: {}, needs: new Needs(undefined, path), kind: undefined };
  }
  const fields = checkFields(raw, TASK, path, report);
  const needs = new Needs(fields.needs, path);
  return { name, position, path, fields, needs, kind: kindOf(raw, path, report) };
}

function checkTaskName(name: string, path: Path, report: Report): void {
  const wrong = (message: string) => report({ code: 'name.invalid', message, path, at: 'key' });
  if (RESERVED_NAMES.has(name)) wrong(`"${name}" is a reserved name`);
  else if (name.length > NAME_CHARACTERS) wrong(`a name has at most ${NAME_CHARACTERS} characters`);
  else if (!NAME.test(name)) {
    wrong(
      'the name of a task has letters, digits, "_", "." and "-", and begins with a letter or digit',
    );
  }
}

function kindOf(
  raw: Readonly<Record<string, unknown>>,
  path: Path,
  report: Report,
): Kind | undefined {
  const kinds = KINDS.filter((kind) => Object.hasOwn(raw, kind));
  const [kind, other] = kinds;
  if (kind === undefined) {
    const message = `the task does nothing: it needs one of ${KINDS.join(', ')}`;
    report({ code: 'task.kind', message, path, at: 'key' });
    return undefined;
  }
  if (other !== undefined) {
    const second = Object.keys(raw).filter((key) => KINDS.some((one) => one === key))[1] ?? other;
    const message = `a task is one of ${KINDS.join(', ')}; this one has ${kinds.join(' and ')}`;
    const hint = 'make two tasks of it';
    report({ code: 'task.kind', message, path: [...path, second], at: 'key', hint });
    return undefined;
  }
  for (const key of Object.keys(raw)) {
    if (FITTING[kind].has(key) || !Object.hasOwn(taskShape, key)) continue;
    const message = `"${key}" has no meaning in a task with ${kind}`;
    const hint = misplacedHint(key, kind);
    report({ code: 'field.misplaced', message, path: [...path, key], at: 'key', hint });
  }
  return kind;
}

function misplacedHint(key: string, kind: Kind): string {
  if (key === 'timeout' && kind === 'approve') return 'use "expires" of approve';
  if (key === 'with' && kind === 'workflow') return 'the inputs of a workflow are "inputs"';
  if (key === 'inputs' && kind === 'action') return 'the input of an action is "with"';
  const kinds = KINDS.filter((one) => FITTING[one].has(key));
  return `only a task with ${kinds.join(' or ')} has it`;
}
