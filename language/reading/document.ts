/** A document by its kind: the key that names it says what it is. */
import type { ActionCatalogue } from '../../model/action.ts';
import { poolShape } from '../pool.ts';
import type { PoolDefinition } from '../../model/pool.ts';
import { Mistakes } from '../../model/mistakes.ts';
import { checkFields, formOf } from './fields.ts';
import { type Issue, isRecord } from '../../model/issue.ts';
import { lower, type Lowered } from './lower.ts';

const POOL = formOf(poolShape);

export interface LoweredDocument extends Lowered {
  readonly pool?: PoolDefinition;
}

export function lowerDocument(
  value: unknown,
  actions: ActionCatalogue | undefined,
): LoweredDocument {
  const isPool =
    isRecord(value) && Object.hasOwn(value, 'pool') && !Object.hasOwn(value, 'workflow');
  if (isPool) return lowerPool(value);
  return isSystems(value) ? { definition: null, issues: [SYSTEMS] } : lower(value, actions);
}

const SYSTEMS: Issue = {
  code: 'field.missing',
  message: '"workflow" is missing',
  path: [],
  at: 'key',
  hint: 'this looks like a systems file: `tutti serve --systems FILE` reads it',
};

/** Each of its entries has a kind, which nothing in a workflow has. */
function isSystems(value: unknown): boolean {
  if (!isRecord(value) || Object.hasOwn(value, 'workflow') || Object.hasOwn(value, 'tasks'))
    return false;
  const entries = Object.values(value);
  return entries.length > 0 && entries.every((one) => isRecord(one) && Object.hasOwn(one, 'kind'));
}

function lowerPool(value: Readonly<Record<string, unknown>>): LoweredDocument {
  const mistakes = new Mistakes();
  const fields = checkFields(value, POOL, [], mistakes.report);
  const issues = mistakes.all();
  const { pool: name, slots, title, description, owner } = fields;
  if (issues.length > 0 || name === undefined || slots === undefined)
    return { definition: null, issues };
  const pool: PoolDefinition = {
    name,
    slots,
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(owner !== undefined && { owner }),
  };
  return { definition: null, pool, issues };
}
