/** What modifies a task: gates, repetition, retries, limits, slots. */
import type { ActionCatalogue } from '../../model/action.ts';
import type { Json } from '../../model/json.ts';
import type { Retry, TaskDefinition } from '../../model/definition.ts';
import { OPENING } from '../expression/template.ts';
import { privatePool } from '../../model/pool.ts';
import { durationMs, NAME, NAME_CHARACTERS } from '../workflow.ts';
import type { Draft, Fields } from './draft.ts';
import type { Path, Report } from '../../model/issue.ts';
import type { Refer, Workshop } from './workshop.ts';

const PARALLEL = 10;
const UNTIL = { every: '10s', attempts: 360 };
const RETRY: Retry = {
  attempts: 3,
  delayMs: 10_000,
  backoff: 2,
  maxDelayMs: 600_000,
  jitter: 0.1,
  on: ['failed', 'transient', 'timeout'],
};
const ITEMS = 100_000;

type Modifiers = Pick<
  TaskDefinition,
  'when' | 'each' | 'until' | 'warn' | 'retry' | 'timeoutMs' | 'pools'
>;

export function lowerModifiers(draft: Draft, workshop: Workshop, refer: Refer): Modifiers {
  const { fields, path, name, output } = draft;
  const item = fields.each !== undefined;
  const compile = (source: string | boolean, at: Path, overOutput: boolean): string => {
    const place = overOutput ? { output: { schema: output }, item } : {};
    refer(workshop.expressions.expression(String(source), { path: at, place, task: name }, 'bool'));
    return String(source);
  };
  const { when, warn, until, retry } = fields;
  const each = lowerEach(draft, workshop, refer);
  const timeoutMs = lowerTimeout(draft, workshop.report);
  const pools = lowerPool(draft, workshop);
  return {
    ...(when !== undefined && { when: compile(when, [...path, 'when'], false) }),
    ...(each !== undefined && { each }),
    ...(until !== undefined && { until: lowerUntil(until, [...path, 'until'], compile) }),
    ...(warn !== undefined && { warn: compile(warn, [...path, 'warn'], true) }),
    ...(retry !== undefined && { retry: lowerRetry(retry, [...path, 'retry'], workshop.report) }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(pools !== undefined && { pools }),
  };
}

function lowerEach(draft: Draft, workshop: Workshop, refer: Refer): TaskDefinition['each'] {
  const { fields, path, name } = draft;
  const { each, parallel } = fields;
  const { report, expressions } = workshop;
  if (each === undefined) {
    if (parallel !== undefined) {
      const message = '"parallel" has no meaning without "each"';
      report({ code: 'field.misplaced', message, path: [...path, 'parallel'], at: 'key' });
    }
    return undefined;
  }
  const isMap = typeof each === 'object' && !Array.isArray(each);
  const items = isMap ? each.items : each;
  const at = isMap ? [...path, 'each', 'items'] : [...path, 'each'];
  if (isMap && each.parallel !== undefined && parallel !== undefined) {
    const message = '"parallel" is given in "each" already';
    report({ code: 'field.misplaced', message, path: [...path, 'parallel'], at: 'key' });
  }
  if (typeof items === 'string') {
    refer(expressions.expression(items, { path: at, place: {}, task: name }, 'list'));
  } else checkItems(items, at, report);
  return {
    // The file holds JSON only.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    items: items as string | readonly Json[],
    parallel: (isMap ? each.parallel : undefined) ?? parallel ?? PARALLEL,
  };
}

function checkItems(items: readonly unknown[], path: Path, report: Report): void {
  if (items.length > ITEMS) {
    const message = `a list has at most ${ITEMS} items, found ${items.length}`;
    report({ code: 'field.value', message, path });
  }
  items.forEach((item, position) => {
    if (typeof item !== 'string' || !item.includes(OPENING)) return;
    const message = 'items of a list stand as they are, without "${{ }}"';
    const hint = 'make the whole list one expression: each: "[inputs.a, inputs.b]"';
    report({ code: 'field.value', message, path: [...path, position], hint });
  });
}

function lowerUntil(
  until: NonNullable<Fields['until']>,
  path: Path,
  compile: (source: string | boolean, at: Path, overOutput: boolean) => string,
): NonNullable<TaskDefinition['until']> {
  const isMap = typeof until === 'object';
  const holds = compile(isMap ? until.holds : until, isMap ? [...path, 'holds'] : path, true);
  const { every = UNTIL.every, attempts = UNTIL.attempts } = isMap ? until : {};
  return { holds, everyMs: durationMs(every), attempts };
}

function lowerRetry(retry: NonNullable<Fields['retry']>, path: Path, report: Report): Retry {
  if (typeof retry === 'number') return { ...RETRY, attempts: retry };
  const { attempts, delay, backoff, jitter, on } = retry;
  const delayMs = delay === undefined ? RETRY.delayMs : durationMs(delay);
  const limit = retry['max-delay'];
  const maxDelayMs = limit === undefined ? Math.max(RETRY.maxDelayMs, delayMs) : durationMs(limit);
  if (maxDelayMs < delayMs) {
    const message = 'is shorter than the first delay';
    report({
      code: 'field.value',
      message: `"max-delay" ${message}`,
      path: [...path, 'max-delay'],
    });
  }
  return {
    attempts: attempts ?? RETRY.attempts,
    delayMs,
    backoff: backoff ?? RETRY.backoff,
    maxDelayMs,
    jitter: jitter ?? RETRY.jitter,
    on: on ?? RETRY.on,
  };
}

function lowerTimeout({ fields, path }: Draft, report: Report): number | undefined {
  if (fields.timeout === undefined) return undefined;
  const timeoutMs = durationMs(fields.timeout);
  if (timeoutMs === 0) {
    const message = 'a timeout must be longer than 0';
    report({ code: 'field.value', message, path: [...path, 'timeout'] });
  }
  return timeoutMs;
}

/** By the name that the pool has beside those of other workflows; whether a shared one is there, `deploy` says. */
function lowerPool(
  draft: Draft,
  { workflow, pools, report, actions }: Workshop,
): Readonly<Record<string, number>> | undefined {
  const { fields, path } = draft;
  if (fields.pool === undefined) return undefined;
  const short = typeof fields.pool === 'string';
  const wanted = typeof fields.pool === 'string' ? { [fields.pool]: 1 } : fields.pool;
  refuseWhileWaiting(draft, Object.keys(wanted), actions, report);
  const held: [string, number][] = [];
  for (const [name, slots] of Object.entries(wanted)) {
    const at = short ? [...path, 'pool'] : [...path, 'pool', name];
    const capacity = Object.hasOwn(pools, name) ? pools[name] : undefined;
    const isPrivate = capacity !== undefined && workflow !== undefined;
    held.push([isPrivate ? privatePool(workflow, name) : name, slots]);
    if (!NAME.test(name) || name.length > NAME_CHARACTERS) {
      const message = 'the name of a pool has letters, digits, "_", "." and "-"';
      report({ code: 'name.invalid', message, path: at, at: short ? 'value' : 'key' });
    }
    if (capacity !== undefined && slots > capacity) {
      const message = `wants ${slots} slots, but the pool "${name}" has ${capacity}`;
      report({ code: 'field.value', message, path: at });
    }
  }
  return Object.fromEntries(held);
}

/** Whoever waits takes no slot of those who work: they may be whom it waits for. */
function refuseWhileWaiting(
  { name, path, fields }: Draft,
  pools: readonly string[],
  actions: ActionCatalogue | undefined,
  report: Report,
): void {
  const { workflow, action } = fields;
  const held = pools.map((pool) => `"${pool}"`).join(', ');
  const at = { code: 'pool.waiting', path: [...path, 'pool'], at: 'key' } as const;
  if (workflow !== undefined) {
    const message = `"${name}" runs the workflow "${workflow}" and waits for it: a slot of ${held} would be held from those who work`;
    const hint = `put "pool" on the tasks of "${workflow}"; a pool that workflows share is a document of its own`;
    report({ ...at, message, hint });
  } else if (action !== undefined && actions?.get(action)?.waits === true) {
    const message = `"${name}" only waits (${action}): a slot of ${held} would be held from those who work`;
    report({ ...at, message, hint: 'put "pool" on the task that works' });
  }
}
