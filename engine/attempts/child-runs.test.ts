/** What a child and its parent hear of each other, and when. */
import { describe, expect, it } from 'vitest';
import { quiet, SimulatedClock } from '../../tests/simulation/clock.ts';
import type { AttemptReport, DoorCommand, ParentTask } from '../../model/run.ts';
import type { LiveRun } from '../runs/live-run.ts';
import type { EndedRun } from '../runs/run-listener.ts';
import { fakeRun, runningAttempt } from './attempt.fixture.ts';
import { ChildRuns } from './child-runs.ts';

const PARENT: ParentTask = { run: 'parent', task: 'a', attempt: 1 };
const BY = { actor: 'ann' };

function childRun(fields: object, durable: number): LiveRun {
  const state = { id: 'child', workflow: 'w', createdAt: 7, seq: 4, parent: PARENT, ...fields };
  return { ...fakeRun('child'), durable, state } as unknown as LiveRun;
}

/** One parent in memory, and a child in memory or in the journal. */
function subject(child?: { readonly run: LiveRun; readonly live: boolean }) {
  const clock = new SimulatedClock();
  const parent = fakeRun('parent');
  Object.assign(parent.state, { graph: { index: new Map([['a', 0]]) } });
  const applied: (AttemptReport | DoorCommand)[] = [];
  const submitted: DoorCommand[] = [];
  const answers: (object | Error)[] = [];
  const watched: { until?: () => void } = {};
  const troubles: string[] = [];
  const memory = {
    read: async () => child ?? null,
    withRun: async (id: string, work: (run: LiveRun) => unknown) =>
      work(id === 'parent' ? parent : (child?.run ?? fakeRun(id))),
    unloadIfIdle: () => undefined,
  };
  const gate = {
    apply: (_: LiveRun, command: AttemptReport | DoorCommand) => {
      applied.push(command);
      return undefined;
    },
  };
  const parts = {
    gate,
    memory,
    journal: {
      views: { run: async () => ({ endedAt: 9 }) },
      cancellingAbove: async (run: string) => `above ${run}`,
    },
    watchers: { until: () => new Promise<void>((resolve) => (watched.until = resolve)) },
    clock,
    ids: { run: () => 'new' },
    observer: { troubled: (what: string) => void troubles.push(what) },
    door: {
      submit: async (command: DoorCommand) => {
        submitted.push(command);
        const answer = answers.shift() ?? { refused: false };
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
  } as unknown as ConstructorParameters<typeof ChildRuns>[0];
  const attempt = runningAttempt({ run: parent });
  parent.attempts[0] = attempt;
  return {
    answers,
    applied,
    attempt,
    children: new ChildRuns(parts),
    clock,
    parent,
    submitted,
    troubles,
    watched,
  };
}

const SUCCEEDED = { end: { end: 'succeeded', output: 3 } };

describe('the end of a child', () => {
  it.each([
    ['in the journal', { run: childRun(SUCCEEDED, 4), live: false }],
    ['in memory, and written', { run: childRun(SUCCEEDED, 4), live: true }],
  ])('%s is told to the parent that is taken over', async (_, child) => {
    const { applied, attempt, children } = subject(child);
    expect(await children.isThere('child', attempt)).toBe(true);
    await quiet();
    expect(applied).toEqual([{ type: 'CompleteTask', ...PARENT, output: 3, startedAt: 7 }]);
  });

  it('that is not written yet is not: should it be refused, the child continues', async () => {
    const child = { run: childRun(SUCCEEDED, 3), live: true };
    const { applied, attempt, children, watched } = subject(child);
    expect(await children.isThere('child', attempt)).toBe(true);
    await quiet();
    expect(applied).toEqual([]);
    child.run.durable = 4;
    watched.until?.();
    await quiet();
    expect(applied).toHaveLength(1);
  });

  it.each([
    ['failed', 'failed', undefined, { type: 'FailTask', failure: { class: 'failed' } }],
    ['cancelled', 'cancelled', undefined, { type: 'FailTask', failure: { class: 'rejected' } }],
    ['cancelled with its parent', 'cancelled', 'cancel', { type: 'ConfirmCancel' }],
  ] as const)('that %s', async (_, end, stop, report) => {
    const { applied, attempt, children } = subject();
    if (stop !== undefined) attempt.halt(stop);
    children.ended(childRun({ end: { end } }, 4).state);
    await quiet();
    expect(applied).toMatchObject([report]);
  });

  it('of a run without a parent is told to nobody', async () => {
    const { applied, children } = subject();
    children.ended({ ...childRun(SUCCEEDED, 4).state, parent: undefined } as unknown as EndedRun);
    await quiet();
    expect(applied).toEqual([]);
  });
});

describe('a child that is to be cancelled', () => {
  it('is asked until it has heard', async () => {
    const { answers, attempt, children, clock, submitted, troubles } = subject();
    answers.push(new Error('its node cannot be reached'));
    void children.cancel('child', attempt);
    await quiet();
    expect(submitted).toHaveLength(1);
    expect(troubles).toEqual(['cancelling a child run']);
    await clock.advance(1_000);
    expect(submitted.map(({ type, run }) => [type, run])).toEqual([
      ['CancelRun', 'child'],
      ['CancelRun', 'child'],
    ]);
    await clock.advance(60_000);
    expect(submitted).toHaveLength(2);
  });

  it('is not asked any more when its outcome is not wanted', async () => {
    const { answers, attempt, children, clock, submitted } = subject();
    answers.push(new Error('its node cannot be reached'));
    void children.cancel('child', attempt);
    await quiet();
    attempt.halt('drop');
    await clock.advance(60_000);
    expect([submitted.length, clock.waiting]).toEqual([1, 0]);
  });
});

describe('a child that continues after its end', () => {
  const untold = () => childRun({ untold: BY }, 4);

  it('tells its parent, and once more when the answer was lost', async () => {
    const child = untold();
    const { answers, applied, children, clock, submitted } = subject({ run: child, live: true });
    answers.push(new Error('no answer'), { refused: false });
    void children.reopened(child);
    void children.reopened(child);
    await quiet();
    expect(applied).toEqual([]);
    await clock.advance(1_000);
    expect(submitted).toHaveLength(2);
    expect(submitted[0]).toEqual({ type: 'ReopenTask', ...PARENT, child: 'child', by: BY });
    expect(applied).toEqual([{ type: 'TellParent', run: 'child', takesOver: true }]);
  });

  it('hears that its parent does not take its end over, and why', async () => {
    const child = untold();
    const { answers, applied, children } = subject({ run: child, live: true });
    answers.push({ refused: true, message: 'x'.repeat(900) });
    await children.reopened(child);
    const because = 'x'.repeat(500);
    expect(applied).toEqual([{ type: 'TellParent', run: 'child', takesOver: false, because }]);
  });
});

it('knows of a cancellation above before it asks the journal', async () => {
  const { attempt, children, parent } = subject();
  expect(await children.cancelledAbove(attempt)).toBeNull();
  Object.assign(parent.state, { parent: { run: 'grandparent' } });
  expect(await children.cancelledAbove(attempt)).toBe('above grandparent');
  attempt.halt('cancel');
  expect(await children.cancelledAbove(attempt)).toBe('parent');
});
