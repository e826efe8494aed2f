/**
 * Definitions for tests, from a compact notation:
 *
 *   define({ a: {}, b: { needs: { a: 'failed' } }, s: { switch: [['inputs.n > 3', 'b'], ['else']] } })
 *
 * A task without a body is the action `test.work`. Needs follow the order of the tasks.
 */
import type {
  Body,
  Definition,
  Edge,
  EdgeEnd,
  Retry,
  SwitchCase,
  TaskDefinition,
} from '../../model/definition.ts';
import type { Json, JsonObject } from '../../model/json.ts';

/** When every run begins, and who does everything. */
export const START = Date.UTC(2026, 2, 1);
export const BY = { actor: 'operator' } as const;

export interface TaskSpec {
  readonly needs?: readonly string[] | Readonly<Record<string, EdgeEnd>>;
  readonly action?: string;
  readonly workflow?: string;
  /** `with` of an action, `inputs` of a child run. */
  readonly with?: JsonObject;
  /** Each case: its condition or `else`, then the tasks that it leads to. */
  readonly switch?: readonly (readonly string[])[];
  readonly wait?: number | string;
  readonly approve?: { readonly expiresMs?: number; readonly onExpiry?: 'approve' | 'reject' };
  readonly join?: 'any';
  readonly when?: string;
  readonly each?: string | readonly Json[];
  readonly parallel?: number;
  readonly until?: { readonly holds: string; readonly everyMs: number; readonly attempts: number };
  readonly warn?: string;
  readonly retry?: Partial<Retry>;
  readonly timeoutMs?: number;
}

export interface DefinitionSpec {
  readonly timeoutMs?: number;
  readonly outputs?: JsonObject;
}

export function define(
  tasks: Readonly<Record<string, TaskSpec>>,
  spec: DefinitionSpec = {},
): Definition {
  const names = Object.keys(tasks);
  const position = (name: string): number => {
    const index = names.indexOf(name);
    if (index < 0) throw new Error(`no task ${name}`);
    return index;
  };
  const edges: Edge[] = [];
  names.forEach((name, to) => {
    for (const [from, on] of needsOf(tasks[name]?.needs ?? [])) {
      edges.push({ from: position(from), to, on });
    }
    tasks[name]?.switch?.forEach(([, ...then], branch) => {
      for (const target of then) {
        edges.push({ from: to, to: position(target), on: 'branch', branch });
      }
    });
  });
  return {
    name: 'play',
    inputs: {},
    pools: {},
    tasks: Object.entries(tasks).map(([name, task]) => taskOf(name, task, position)),
    edges,
    ...spec,
  };
}

function needsOf(needs: NonNullable<TaskSpec['needs']>): [string, EdgeEnd][] {
  if (Array.isArray(needs)) return (needs as readonly string[]).map((name) => [name, 'succeeded']);
  return Object.entries(needs) as [string, EdgeEnd][];
}

const RETRY: Retry = {
  attempts: 3,
  delayMs: 1_000,
  backoff: 2,
  maxDelayMs: 60_000,
  jitter: 0,
  on: ['transient', 'timeout'],
};

function taskOf(name: string, spec: TaskSpec, position: (name: string) => number): TaskDefinition {
  return {
    name,
    body: bodyOf(spec, position),
    join: spec.join ?? 'all',
    ...(spec.when !== undefined && { when: spec.when }),
    ...(spec.each !== undefined && {
      each: { items: spec.each, parallel: spec.parallel ?? 2 },
    }),
    ...(spec.until !== undefined && { until: spec.until }),
    ...(spec.warn !== undefined && { warn: spec.warn }),
    ...(spec.retry !== undefined && { retry: { ...RETRY, ...spec.retry } }),
    ...(spec.timeoutMs !== undefined && { timeoutMs: spec.timeoutMs }),
  };
}

function bodyOf(spec: TaskSpec, position: (name: string) => number): Body {
  if (spec.switch !== undefined) {
    const cases = spec.switch.map(([when = 'else', ...then]): SwitchCase => {
      const targets = then.map(position);
      // oxlint-disable-next-line unicorn/no-thenable -- the word of the definition; nobody awaits it
      return { ...(when !== 'else' && { when }), then: targets };
    });
    return { kind: 'switch', cases };
  }
  if (typeof spec.wait === 'number') return { kind: 'wait', forMs: spec.wait };
  if (spec.wait !== undefined) return { kind: 'wait', until: spec.wait };
  if (spec.workflow !== undefined)
    return { kind: 'workflow', workflow: spec.workflow, inputs: spec.with ?? {} };
  if (spec.approve === undefined)
    return { kind: 'action', action: spec.action ?? 'test.work', with: spec.with ?? {} };
  return {
    kind: 'approve',
    by: ['order-desk', 'operator', 'ann'],
    title: 'Go on with ${{ run.id }}?',
    onExpiry: 'reject',
    ...spec.approve,
  };
}
