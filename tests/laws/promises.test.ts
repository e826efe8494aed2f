/**
 * A timeout is a promise, and so is a cancellation: they are kept whatever a connector does with
 * its signal. Here no question that was asked is ever answered, unless a test says so.
 */
import { describe, expect, it } from 'vitest';
import { quiet } from '../simulation/clock.ts';
import { by, EngineHarness } from '../simulation/engine-harness.ts';

const MINUTE = 60_000;

const workflow = (action: string, more = '') => `
workflow: one
tasks:
  a: { action: ${action}${more} }
`;

async function started(
  action: string,
  more = '',
): Promise<{ harness: EngineHarness; run: string }> {
  const harness = await EngineHarness.open();
  await harness.deploy(workflow(action, more));
  return { harness, run: await harness.start('one') };
}

const cancel = (run: string) => ({ type: 'CancelRun', run, by }) as const;
const force = (run: string) =>
  ({ type: 'ForceTask', run, task: 'a', as: 'succeeded', by: { ...by, reason: 'seen' } }) as const;

/** A run beside it goes through the same lane. */
async function innocentEnds(harness: EngineHarness): Promise<void> {
  await harness.deploy(workflow('world.look').replace('one', 'innocent'));
  const run = await harness.start('innocent');
  const mine = harness.world.asked.find((each) => each.verb === 'call' && each.key.startsWith(run));
  mine?.answer({});
  await quiet();
  expect((await harness.view(run)).status).toBe('succeeded');
}

describe('a call that never comes back', () => {
  it('is timed out where it may be repeated', async () => {
    const { harness, run } = await started('world.look', ', timeout: 3s');
    await harness.clock.advance(10_000);
    const task = await harness.task(run, 'a');
    expect(task).toMatchObject({ status: 'timed-out', failure: { code: 'task.timed-out' } });
    expect((await harness.view(run)).status).toBe('failed');
    await innocentEnds(harness);
  });

  it('is timed out also while its run is held, and the run continues when it is released', async () => {
    const { harness, run } = await started(
      'world.look',
      ', timeout: 3s, retry: { attempts: 2, delay: 1s, on: [timeout] }',
    );
    await harness.submit({ type: 'HoldRun', run, by });
    await harness.clock.advance(10_000);
    expect(harness.world.count('call')).toBe(1);
    await harness.submit({ type: 'ReleaseRun', run, by });
    await harness.clock.advance(1_000);
    harness.world.take('call');
    harness.world.take('call').answer({ n: 2 });
    await quiet();
    expect(await harness.task(run, 'a')).toMatchObject({ status: 'succeeded', attempt: 2 });
  });

  it('is tried again after its timeout', async () => {
    const { harness, run } = await started(
      'world.look',
      ', timeout: 3s, retry: { attempts: 2, delay: 1s, on: [timeout] }',
    );
    await harness.clock.advance(10_000);
    expect(harness.world.count('call')).toBe(2);
    harness.world.take('call');
    harness.world.take('call').answer({ n: 2 });
    await quiet();
    expect(await harness.task(run, 'a')).toMatchObject({ status: 'succeeded', attempt: 2 });
  });

  it('is unknown where it may not happen twice and nobody can tell, and a person decides', async () => {
    const { harness, run } = await started('world.shout', ', timeout: 3s');
    await harness.clock.advance(10_000);
    const task = await harness.task(run, 'a');
    expect(task.status).toBe('unknown');
    expect(task.gates[0]?.message).toContain('did not return');
    expect(await harness.submit(force(run))).toMatchObject({ refused: false });
    expect((await harness.view(run)).status).toBe('succeeded');
    await innocentEnds(harness);
  });

  it('is looked up by its key, and timed out when the system never saw it', async () => {
    const { harness, run } = await started('world.touch', ', timeout: 3s');
    await harness.clock.advance(10_000);
    harness.world.take('locate').answer('absent');
    await quiet();
    expect(await harness.task(run, 'a')).toMatchObject({ status: 'timed-out' });
    expect(harness.world.count('call')).toBe(1);
  });

  it('is looked up by its key, and taken for what the system found', async () => {
    const { harness, run } = await started('world.touch', ', timeout: 3s');
    await harness.clock.advance(10_000);
    harness.world.take('locate').answer({ found: { id: 7 } });
    await quiet();
    expect(await harness.task(run, 'a')).toMatchObject({ status: 'succeeded', output: { id: 7 } });
  });

  it('is unknown when nobody answers the look-up either', async () => {
    const { harness, run } = await started('world.touch', ', timeout: 3s');
    await harness.clock.advance(2 * MINUTE);
    expect((await harness.task(run, 'a')).status).toBe('unknown');
    expect(await harness.submit(force(run))).toMatchObject({ refused: false });
    expect((await harness.view(run)).status).toBe('succeeded');
  });

  it.each(['world.look', 'world.touch', 'world.shout'])(
    'ends with its run when that is cancelled: %s',
    async (action) => {
      const { harness, run } = await started(action);
      await harness.submit(cancel(run));
      await harness.clock.advance(2 * MINUTE);
      const { status } = await harness.view(run);
      if (status === 'cancelled') return;
      // Nobody knows: then a person may say so, also while the run is being cancelled.
      expect((await harness.task(run, 'a')).status).toBe('unknown');
      expect(await harness.submit(force(run))).toMatchObject({ refused: false });
      await quiet();
      expect((await harness.view(run)).status).toBe('cancelled');
    },
  );

  it('tells what it knows when it comes back after all', async () => {
    const { harness, run } = await started('world.shout', ', timeout: 3s');
    const call = harness.world.take('call');
    await harness.clock.advance(10_000);
    expect((await harness.task(run, 'a')).status).toBe('unknown');
    call.answer({ id: 7 });
    await quiet();
    expect(await harness.task(run, 'a')).toMatchObject({ status: 'succeeded', output: { id: 7 } });
  });

  it('revives nothing when it comes back after all', async () => {
    const { harness, run } = await started('world.look', ', timeout: 3s');
    const call = harness.world.take('call');
    await harness.clock.advance(10_000);
    call.answer({ id: 7 });
    await quiet();
    expect(await harness.task(run, 'a')).toMatchObject({ status: 'timed-out' });
  });

  it('is not made after its node had to ask, when it was cancelled meanwhile', async () => {
    const { harness, run } = await started('world.touch', ', timeout: 3s');
    harness.world.take('call').fail({ class: 'transient', code: 'x', message: 'busy' });
    await quiet();
    expect((await harness.task(run, 'a')).status).toBe('failed');
  });
});

describe('the lane of calls that never come back', () => {
  const MANY = `
workflow: many
tasks:
  a: { each: range(20), parallel: 20, action: world.look, timeout: 3s }
`;
  const lane = (harness: EngineHarness) =>
    harness.engine.readings().lanes.find((each) => each.lane === 'world');

  it('is free again, and says how many there are', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(MANY);
    await harness.start('many');
    await harness.clock.advance(8_500);
    expect(lane(harness)?.overdue).toBeGreaterThanOrEqual(4);
    await harness.clock.advance(MINUTE);
    // As many again as the lane is wide, and what it lets begin when nothing ends; not one more.
    expect(lane(harness)).toMatchObject({ limit: 4, active: 0 });
    expect(lane(harness)?.overdue).toBeLessThanOrEqual(12);
  });

  it('takes them back when they come', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(MANY);
    const run = await harness.start('many');
    for (let round = 0; round < 20; round++) {
      await harness.clock.advance(10_000);
      for (const question of harness.world.asked.splice(0)) question.answer({});
      await quiet();
    }
    expect((await harness.view(run)).status).toBe('failed');
    expect(lane(harness)).toMatchObject({ active: 0, overdue: 0, queued: 0 });
    await innocentEnds(harness);
  });
});

describe('a job whose system never answers', () => {
  it('is unknown when its submission does not come back in time, and found by its key', async () => {
    const { harness, run } = await started('world.work', ', timeout: 3s');
    await harness.clock.advance(10_000);
    harness.world.take('locate').answer('absent');
    await quiet();
    expect(await harness.task(run, 'a')).toMatchObject({ status: 'timed-out' });
    expect(harness.world.count('submit')).toBe(1);
  });

  it('is unknown when it is asked about and says nothing, and a person decides', async () => {
    const { harness, run } = await started('world.work');
    harness.world.take('submit').answer('job-1');
    await harness.clock.advance(10 * MINUTE);
    const task = await harness.task(run, 'a');
    expect(task.status).toBe('unknown');
    expect(task.gates[0]?.message).toContain('has not answered');
    expect(await harness.submit(force(run))).toMatchObject({ refused: false });
    expect((await harness.view(run)).status).toBe('succeeded');
  });

  it('is unknown when it was asked to stop, also with force, and goes on', async () => {
    const { harness, run } = await started('world.work');
    harness.world.take('submit').answer('job-1');
    harness.world.standing.set('follow', (each) =>
      each.answer({ state: 'running', askAgainMs: 1_000 }),
    );
    harness.world.standing.set('cancel', (each) => each.answer(undefined));
    await harness.submit(cancel(run));
    await harness.clock.advance(2 * MINUTE);
    const task = await harness.task(run, 'a');
    expect(task.status).toBe('unknown');
    expect(await harness.submit(force(run))).toMatchObject({ refused: false });
    await quiet();
    expect((await harness.view(run)).status).toBe('cancelled');
  });

  it('is asked to stop although the request to stop is not answered', async () => {
    const { harness, run } = await started('world.work');
    harness.world.take('submit').answer('job-1');
    harness.world.standing.set('follow', (each) =>
      each.answer({ state: 'running', askAgainMs: 1_000 }),
    );
    await harness.submit(cancel(run));
    await harness.clock.advance(5 * MINUTE);
    expect(harness.world.count('cancel')).toBe(2);
    expect((await harness.task(run, 'a')).status).toBe('unknown');
  });
});

describe('a node that stops while nothing answers', () => {
  it.each(['world.look', 'world.touch', 'world.shout', 'world.work'])(
    'is drained in time: %s',
    async (action) => {
      const { harness } = await started(action);
      let stopped = false;
      void harness.engine.stop().then(() => (stopped = true));
      await harness.clock.advance(10_000);
      await harness.clock.advance(100);
      expect(stopped).toBe(true);
    },
  );

  it('is drained at once of what it only asks about', async () => {
    const { harness } = await started('world.touch');
    harness.world.take('call').fail({ class: 'unknown', code: 'net', message: 'reset' });
    await quiet();
    let stopped = false;
    void harness.engine.stop().then(() => (stopped = true));
    await harness.clock.advance(100);
    expect(stopped).toBe(true);
  });
});

describe('who waits', () => {
  it('takes no place of those who work', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(`
workflow: waits
tasks:
  wait: { each: range(200), parallel: 200, action: world.wait }
  make: { action: world.look }
`);
    await harness.start('waits');
    expect(harness.world.count('call')).toBe(201);
    const lanes = harness.engine.readings().lanes;
    expect(lanes.find(({ lane }) => lane === 'world.wait')).toMatchObject({ active: 200 });
    expect(lanes.find(({ lane }) => lane === 'world')).toMatchObject({ active: 1, limit: 4 });
  });

  it('lets one more begin each second while nothing ends, and not without end', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(`
workflow: polls
tasks:
  poll: { each: range(20), parallel: 20, action: world.look }
`);
    const run = await harness.start('polls');
    expect(harness.world.count('call')).toBe(4);
    await harness.clock.advance(1_000);
    expect(harness.world.count('call')).toBe(5);
    await harness.clock.advance(MINUTE);
    expect(harness.world.count('call')).toBe(8);
    for (let left = 20; left > 0; left--) {
      harness.world.take('call').answer({});
      await quiet();
      const lane = harness.engine.readings().lanes.find((each) => each.lane === 'world');
      expect(lane?.active).toBeLessThanOrEqual(8);
    }
    expect((await harness.view(run)).status).toBe('succeeded');
  });

  it('does not let more begin while attempts end', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(`
workflow: works
tasks:
  work: { each: range(20), parallel: 20, action: world.look }
`);
    await harness.start('works');
    for (let second = 0; second < 15; second++) {
      await harness.clock.advance(400);
      harness.world.take('call').answer({});
      await quiet();
      expect(harness.world.count('call')).toBeLessThanOrEqual(4);
    }
  });
});

describe('a call that ends Tutti each time', () => {
  it('is unknown after the third time, with a reason, and a person decides', async () => {
    const { harness, run } = await started('world.touch');
    for (let crash = 1; crash <= 3; crash++) {
      expect(harness.world.count('call')).toBe(1);
      await harness.crash();
      harness.world.take('locate').answer('absent');
      await quiet();
    }
    expect(harness.world.count('call')).toBe(0);
    const task = await harness.task(run, 'a');
    expect(task.status).toBe('unknown');
    expect(task.gates[0]?.message).toContain('has ended 3 times');
    expect(await harness.submit(force(run))).toMatchObject({ refused: false });
    expect((await harness.view(run)).status).toBe('succeeded');
  });
});
