import { describe, expect, it } from 'vitest';
import { ALIVE, type Gate } from '../../model/run.ts';
import { define, START, type TaskSpec } from './definition.fixture.ts';
import { NO_OVERLAY, type Overlay } from './gates.ts';
import { script } from './script.fixture.ts';
import { WAITING } from './state.ts';
import { statusOf } from './status.ts';
import { taskView } from './view.ts';

const A_MINUTE = START + 60_000;

interface Row {
  readonly kind: Gate['kind'];
  readonly task: string;
  readonly status: string;
  readonly tasks: Readonly<Record<string, TaskSpec>>;
  readonly steps: readonly string[];
  readonly message: RegExp;
  readonly gate?: Partial<Gate>;
  readonly overlay?: Overlay;
}

const pool: Gate = {
  kind: 'pool',
  on: 'sap',
  message: 'waits for the pool sap: 2 of 2 slots held',
};
const room: Gate = {
  kind: 'capacity',
  on: 'shell',
  message: 'waits for capacity: 8 of 8 are running',
};
const waitsFor = (gate: Gate): Overlay => ({ runningSince: () => undefined, waitsFor: () => gate });

const ROWS: readonly Row[] = [
  {
    kind: 'upstream',
    task: 't',
    status: 'waiting',
    tasks: { u: {}, t: { needs: ['u'] } },
    steps: [],
    message: /waits for "u", which is queued/,
    gate: { on: 'u' },
  },
  {
    kind: 'upstream-failed',
    task: 't',
    status: 'waiting',
    tasks: { u: {}, z: {}, t: { needs: ['u'] } },
    steps: ['u fails'],
    message: /blocked: "u" ended failed \(it is failed\)/,
    gate: { on: 'u', since: START },
  },
  {
    kind: 'hold',
    task: 't',
    status: 'held',
    tasks: { t: {} },
    steps: ['hold t'],
    message: /held by operator/,
    gate: { on: 'operator' },
  },
  {
    kind: 'hold',
    task: 't',
    status: 'held',
    tasks: { u: {}, t: { needs: ['u'] } },
    steps: ['hold t'],
    message: /held by operator/,
  },
  {
    kind: 'run-hold',
    task: 't',
    status: 'held',
    tasks: { t: {} },
    steps: ['hold'],
    message: /the run is held by operator/,
  },
  {
    kind: 'pool',
    task: 't',
    status: 'queued',
    tasks: { t: {} },
    steps: [],
    message: /2 of 2 slots/,
    overlay: waitsFor(pool),
  },
  {
    kind: 'capacity',
    task: 't',
    status: 'queued',
    tasks: { t: {} },
    steps: [],
    message: /8 of 8/,
    overlay: waitsFor(room),
  },
  {
    kind: 'start',
    task: 't',
    status: 'queued',
    tasks: { t: {} },
    steps: [],
    message: /about to start/,
  },
  {
    kind: 'job',
    task: 't',
    status: 'queued',
    tasks: { t: {} },
    steps: [],
    message: /running since 2026-03-01T00:00:00/,
    overlay: { ...NO_OVERLAY, runningSince: () => START },
  },
  {
    kind: 'job',
    task: 't',
    status: 'running',
    tasks: { t: {} },
    steps: ['t starts'],
    message: /its job is running in test.work since/,
    gate: { since: START },
  },
  {
    kind: 'cancel',
    task: 't',
    status: 'running',
    tasks: { t: {} },
    steps: ['t starts', 'cancel'],
    message: /the run is being cancelled: .*has not confirmed/,
  },
  {
    kind: 'cancel',
    task: 't',
    status: 'running',
    tasks: { t: { timeoutMs: 9 } },
    steps: ['t starts', '+9', 't wakes'],
    message: /its timeout is over/,
  },
  {
    kind: 'time',
    task: 't',
    status: 'running',
    tasks: { t: { wait: 60_000 } },
    steps: [],
    message: /until 2026-03-01T00:01:00/,
    gate: { until: A_MINUTE },
  },
  {
    kind: 'items',
    task: 't',
    status: 'running',
    tasks: { t: { each: [1, 2, 3] } },
    steps: ['t[0] fails'],
    message: /1 of 3 items have ended, 1 failed/,
  },
  {
    kind: 'parallel',
    task: 't[2]',
    status: 'waiting',
    tasks: { t: { each: [1, 2, 3] } },
    steps: [],
    message: /"t" runs 2 items at a time/,
    gate: { on: 't' },
  },
  {
    kind: 'child-run',
    task: 't',
    status: 'running',
    tasks: { t: { workflow: 'w' } },
    steps: ['t starts r2'],
    message: /child run r2/,
    gate: { on: 'r2' },
  },
  {
    kind: 'retry',
    task: 't',
    status: 'retrying',
    tasks: { t: { retry: { delayMs: 60_000 } } },
    steps: ['t fails transient'],
    message: /attempt 1 failed \(it is transient\); .* 00:01:00|00:01:00/,
    gate: { until: A_MINUTE },
  },
  {
    kind: 'retry',
    task: 't',
    status: 'retrying',
    tasks: { t: { until: { holds: 'output.ok', everyMs: 60_000, attempts: 2 } } },
    steps: ['t ok {"ok":false}'],
    message: /does not hold yet/,
  },
  {
    kind: 'approval',
    task: 't',
    status: 'deciding',
    tasks: { t: { approve: { expiresMs: 60_000 } } },
    steps: [],
    message: /decision of order-desk, operator, ann .*it expires 2026-03-01T00:01/,
    gate: { on: 'order-desk, operator, ann', until: A_MINUTE },
  },
  {
    kind: 'system',
    task: 't',
    status: 'unknown',
    tasks: { t: {} },
    steps: ['t starts', 't unknown'],
    message: /unknown since .*Tutti submits nothing twice/,
  },
];

function gatesIn(row: Row): readonly Gate[] {
  const run = script(define(row.tasks)).given(...row.steps);
  expect(statusOf(run.state, run.node(row.task))).toBe(row.status);
  return run.gates(row.task, row.overlay ?? NO_OVERLAY);
}

describe('law 11: nothing waits without a reason', () => {
  it.each(ROWS)('$kind: $task is $status after $steps', (row) => {
    const gate = gatesIn(row).find(({ kind }) => kind === row.kind);
    expect(gate).toMatchObject({ kind: row.kind, ...row.gate });
    expect(gate?.message).toMatch(row.message);
  });

  it('has a row for every status of a task that has not ended', () => {
    expect(new Set(ROWS.map(({ status }) => status))).toEqual(new Set(ALIVE));
  });

  it('says nothing about a task that has ended', () => {
    const run = script(define({ a: {}, t: { needs: { a: 'failed' } } }));
    run.given('a starts', 'cancel', 'a stopped');
    expect([...run.gates('a'), ...run.gates('t')]).toEqual([]);
  });

  it('run-ended: has words even where no event leads', () => {
    const run = script(define({ a: {}, t: { needs: ['a'] } })).given('a ok', 't ok');
    run.node('t').status = WAITING;
    expect(run.gates('t')[0]).toMatchObject({ kind: 'run-ended' });
    expect(run.gates('t')[0]?.message).toMatch(/the run is succeeded; restart it from here/);
  });

  it('names every hold at once', () => {
    const run = script(define({ t: {} })).given('hold t', 'hold');
    expect(run.gates('t').map(({ kind }) => kind)).toEqual(['hold', 'run-hold']);
  });

  it('gives the reason of a hold', () => {
    const run = script(define({ t: {} }));
    run.do({ type: 'HoldTask', run: 'r1', task: 't', by: { actor: 'ann', reason: 'month end' } });
    expect(run.gates('t')[0]?.message).toBe('held by ann: month end');
  });

  it('names each source that is open, and only those', () => {
    const run = script(define({ a: {}, b: {}, c: {}, t: { needs: ['a', 'b', 'c'] } }));
    run.given('a ok', 'b fails');
    expect(run.gates('t').map(({ kind, on }) => `${kind} ${on}`)).toEqual([
      'upstream-failed b',
      'upstream c',
    ]);
  });

  it('shows work that has no durable start as running, with its gate', () => {
    const run = script(define({ t: {} }));
    const view = taskView(run.state, 0, { runningSince: () => START, waitsFor: () => undefined });
    expect(view).toMatchObject({ status: 'running', startedAt: START, gates: [{ kind: 'job' }] });
  });
});
