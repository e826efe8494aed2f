/** The two drawings of `attempt.ts`, walked: each step from each state does what is drawn, or is a bug. */
import { describe, expect, it } from 'vitest';
import { Attempt, type LiveRun } from './live-run.ts';

type AttemptState = Attempt['state'];
type CallState = 'none' | 'underway' | 'overdue' | 'late';

const LIMITS = { lane: 'world', pools: undefined };

function begun(state: AttemptState = 'queued') {
  const run = { id: 'r1', busy: 0 } as LiveRun;
  const work = { kind: 'dispatch', node: 0, task: 'a', attempt: 2 } as const;
  const attempt = new Attempt(run, work, LIMITS, 5);
  const road = ['running', 'finished', 'reported', 'closed'] as const;
  const steps = [
    () => attempt.begin(7),
    () => attempt.finish(),
    () => attempt.report(),
    () => attempt.close(),
  ];
  steps.slice(0, road.findIndex((each) => each === state) + 1).forEach((step) => step());
  expect(attempt.state).toBe(state);
  return { attempt, run };
}

const STEPS = {
  begin: (attempt: Attempt) => attempt.begin(9),
  finish: (attempt: Attempt) => attempt.finish(),
  report: (attempt: Attempt) => attempt.report(),
  close: (attempt: Attempt) => attempt.close(),
};

/** What each step makes of each state; `bug`: the drawing does not have it. */
const DRAWN: Record<AttemptState, Record<keyof typeof STEPS, AttemptState | 'bug'>> = {
  queued: { begin: 'running', finish: 'bug', report: 'bug', close: 'closed' },
  running: { begin: 'bug', finish: 'finished', report: 'bug', close: 'bug' },
  finished: { begin: 'bug', finish: 'finished', report: 'reported', close: 'closed' },
  reported: { begin: 'bug', finish: 'reported', report: 'reported', close: 'closed' },
  closed: { begin: 'bug', finish: 'closed', report: 'closed', close: 'bug' },
};

/** Attempts that keep their run in memory. */
const BUSY: Record<AttemptState, number> = {
  queued: 1,
  running: 1,
  finished: 1,
  reported: 0,
  closed: 0,
};

type Step = keyof typeof STEPS;
const BUG = / it cannot /;

/** The state after the step, or the reason why there is none. */
function after(attempt: Attempt, step: (attempt: Attempt) => unknown): string {
  try {
    step(attempt);
    return attempt.state;
  } catch (error) {
    return BUG.test(String(error)) ? 'bug' : String(error);
  }
}

describe('the life of an attempt', () => {
  for (const from of Object.keys(DRAWN) as AttemptState[]) {
    it.each(Object.entries(DRAWN[from]) as [Step, AttemptState | 'bug'][])(
      `${from}, %s: %s`,
      (step, to) => {
        const { attempt, run } = begun(from);
        expect(after(attempt, STEPS[step])).toBe(to);
        expect(attempt.state).toBe(to === 'bug' ? from : to);
        expect(run.busy).toBe(BUSY[attempt.state]);
      },
    );
  }

  it('says what it is and what it cannot do', () => {
    expect(() => begun('closed').attempt.begin(9)).toThrow(
      'bug: attempt r1:a:2 is closed, its call none: it cannot begin',
    );
  });

  it('tells who finished it first: its place in the lane is given away once', () => {
    const { attempt } = begun('running');
    expect([attempt.finish(), attempt.finish()]).toEqual([true, false]);
  });

  it('is dated by when it was queued, then by when it began', () => {
    expect(begun('queued').attempt.since).toBe(5);
    expect(begun('running').attempt.since).toBe(7);
  });

  it('is a bug when a run has fewer attempts under way than none', () => {
    const { attempt, run } = begun('finished');
    run.busy = 0;
    expect(() => attempt.report()).toThrow('bug: run r1 has -1 attempts under way');
  });
});

const CALLS = {
  beginCall: (attempt: Attempt) => attempt.beginCall(),
  endCall: (attempt: Attempt) => attempt.endCall(),
  giveUpCall: (attempt: Attempt) => attempt.giveUpCall(),
};

function called(call: CallState): Attempt {
  const { attempt } = begun('running');
  if (call !== 'none') attempt.beginCall();
  if (call === 'overdue' || call === 'late') attempt.giveUpCall();
  if (call === 'late') attempt.endCall();
  return attempt;
}

const CALLS_DRAWN: Record<CallState, Record<keyof typeof CALLS, CallState | 'bug'>> = {
  none: { beginCall: 'underway', endCall: 'bug', giveUpCall: 'bug' },
  underway: { beginCall: 'bug', endCall: 'none', giveUpCall: 'overdue' },
  overdue: { beginCall: 'bug', endCall: 'late', giveUpCall: 'bug' },
  late: { beginCall: 'bug', endCall: 'bug', giveUpCall: 'bug' },
};

describe('the call of an attempt', () => {
  for (const from of Object.keys(CALLS_DRAWN) as CallState[]) {
    it.each(Object.entries(CALLS_DRAWN[from]) as [keyof typeof CALLS, CallState | 'bug'][])(
      `${from}, %s: %s`,
      (step, to) => {
        const attempt = called(from);
        expect(after(attempt, CALLS[step])).toBe(to === 'bug' ? 'bug' : 'running');
        const now = to === 'bug' ? from : to;
        expect(attempt.isCalling).toBe(now === 'underway' || now === 'overdue');
        expect(attempt.isGivenUp).toBe(now === 'overdue' || now === 'late');
      },
    );
  }
});

describe('an attempt that is to stop', () => {
  it('aborts its work at once, and what is asked about it when its outcome is not wanted', () => {
    const { attempt } = begun('running');
    const { signal, interest } = attempt;
    const stops: string[] = [];
    attempt.onStop = ({ stop }) => stops.push(String(stop));
    attempt.halt('cancel');
    expect([signal.aborted, interest.aborted, attempt.isAbandoned]).toEqual([true, false, false]);
    attempt.halt('drop');
    expect([signal.reason, interest.reason, attempt.isAbandoned]).toEqual(['cancel', 'drop', true]);
    attempt.halt('cancel');
    attempt.halt('shutdown');
    expect(stops).toEqual(['cancel', 'drop']);
  });

  it('gives signals that are aborted to whoever asks after it', () => {
    const { attempt } = begun('running');
    attempt.halt('shutdown');
    expect(attempt.signal.reason).toBe('shutdown');
    expect(attempt.interest.reason).toBe('shutdown');
  });

  it('ends its pauses, as a poke does, and not those that were taken back', () => {
    const { attempt } = begun('running');
    const heard: string[] = [];
    const takeBack = attempt.onPoke(() => heard.push('first'));
    attempt.onPoke(() => heard.push('second'));
    attempt.poke();
    takeBack();
    attempt.halt('timeout');
    expect(heard).toEqual(['first', 'second', 'second']);
  });
});
