/** Tasks against the catalogue of actions: does it exist, does `with` fit, does it need a system. */
import { z } from 'zod';
import type { ActionCatalogue, ActionDescription } from '../../model/action.ts';
import { OPENING } from '../expression/template.ts';
import type { Schema } from '../expression/check.ts';
import { didYouMean } from '../../model/suggestion.ts';
import { reportIssues, reportUnknownKey, valueAt } from './fields.ts';
import { type Path, type Report, isRecord } from '../../model/issue.ts';

interface Use {
  readonly action: string;
  readonly system: string | undefined;
  readonly with: Readonly<Record<string, unknown>>;
  /** Of the task. */
  readonly path: Path;
  readonly hasWith: boolean;
}

export function checkAction(use: Use, actions: ActionCatalogue, report: Report): void {
  const { path } = use;
  const description = actions.get(use.action);
  if (description === undefined) {
    const message = `there is no action "${use.action}"`;
    const hint = () => didYouMean(use.action, actions.keys());
    report({ code: 'action.unknown', message, path: [...path, 'action'], hint });
    return;
  }
  if (description.system === 'required' && use.system === undefined) {
    const message = `${use.action} needs a system`;
    const hint = 'add "system:" beside "action:", with a name of systems.yaml';
    report({ code: 'action.system', message, path: [...path, 'action'], hint });
  }
  if (description.system === 'none' && use.system !== undefined) {
    const message = `${use.action} runs on no system`;
    report({ code: 'action.system', message, path: [...path, 'system'], at: 'key' });
  }
  checkWith(use, description, report);
}

function checkWith(use: Use, { input, name }: ActionDescription, report: Report): void {
  const path = [...use.path, 'with'];
  const known = input instanceof z.ZodObject ? Object.keys(input.shape) : [];
  let issues: readonly z.core.$ZodIssue[];
  try {
    issues = input.safeParse(use.with).error?.issues ?? [];
  } catch {
    // A schema that only checks asynchronously is checked when the task runs.
    return;
  }
  const certain = issues.filter((issue) => !isTemplated(use.with, issue));
  const reportWith: Report = (issue) => {
    // Without `with` the place is the action's.
    if (use.hasWith) report(issue);
    else
      report({
        ...issue,
        message: `${name}: ${issue.message} in "with"`,
        path: [...use.path, 'action'],
        at: 'value',
      });
  };
  reportIssues(certain, use.with, path, known, reportWith, 'action.input');
  if (!(input instanceof z.ZodObject) || input.def.catchall !== undefined) return;
  for (const key of Object.keys(use.with)) {
    if (!known.includes(key)) reportUnknownKey([...path, key], key, known, report);
  }
}

/** Whether the issue is about a value that is only known at run time. */
function isTemplated(value: unknown, issue: z.core.$ZodIssue): boolean {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  for (let length = 0; length < path.length; length += 1) {
    if (isTemplate(valueAt(value, path.slice(0, length + 1)))) return true;
  }
  const about = issue.code === 'custom' || issue.code === 'invalid_union';
  return about && holdsTemplate(valueAt(value, path));
}

function isTemplate(value: unknown): boolean {
  return typeof value === 'string' && value.includes(OPENING);
}

function holdsTemplate(value: unknown): boolean {
  if (isTemplate(value)) return true;
  if (Array.isArray(value)) return value.some(holdsTemplate);
  return isRecord(value) && Object.values(value).some(holdsTemplate);
}

/** The outputs of the actions of one file as JSON Schemas: tasks of one action have the same. */
export class OutputSchemas {
  readonly #actions: ActionCatalogue | undefined;
  readonly #made = new Map<string, Schema>();

  constructor(actions: ActionCatalogue | undefined) {
    this.#actions = actions;
  }

  /** undefined where nothing is known. */
  of(action: string): Schema {
    const description = this.#actions?.get(action);
    if (description === undefined) return undefined;
    if (!this.#made.has(action)) this.#made.set(action, toSchema(description.output));
    return this.#made.get(action);
  }
}

function toSchema(output: z.ZodType): Schema {
  try {
    return z.toJSONSchema(output, { io: 'output', unrepresentable: 'any' });
  } catch {
    return undefined;
  }
}
