/**
 * A timeout is a promise, and so is a cancellation: they are kept whatever a connector does with
 * its signal. Here no question that was asked is ever answered, unless a test says so.
 */
import { describe, expect, it } from 'vitest';
import { quiet } from '../simulation/clock.ts';
import { by, Stage } from '../simulation/stage.ts';

const MINUTE = 60_000;

const workflow = (action: string, more = '') => `
workflow: one
tasks:
  a: { action: ${action}${more} }
`;

async function started(action: string, more = ''): Promise<{ stage: Stage; run: string }> {
  const stage = await Stage.open();
  await stage.deploy(workflow(action, more));
  return { stage, run: await stage.start('one') };
}

const cancel = (run: string) => ({ type: 'CancelRun', run, by }) as const;
const force = (run: string) =>
  ({ type: 'ForceTask', run, task: 'a', as: 'succeeded', by: { ...by, reason: 'seen' } }) as const;

/** A run beside it goes through the same lane. */
async function innocentEnds(stage: Stage): Promise<void> {
  await stage.deploy(workflow('world.look').replace('one', 'innocent'));
  const run = await stage.start('innocent');
  const mine = stage.world.asked.find((each) => each.verb === 'call' && each.key.startsWith(run));
  mine?.answer({});
  await quiet();
  expect((await stage.view(run)).status).toBe('succeeded');
}

describe('a call that never comes back', () => {
  it('is timed out where it may be repeated', async () => {
    const { stage, run } = await started('world.look', ', timeout: 3s');
    await stage.clock.advance(10_000);
    const task = await stage.task(run, 'a');
    expect(task).toMatchObject({ status: 'timed-out', failure: { code: 'task.timed-out' } });
    expect((await stage.view(run)).status).toBe('failed');
    await innocentEnds(stage);
  });

  it('is tried again after its timeout', async () => {
    const { stage, run } = await started(
      'world.look',
      ', timeout: 3s, retry: { attempts: 2, delay: 1s, on: [timeout] }',
    );
    await stage.clock.advance(10_000);
    expect(stage.world.count('call')).toBe(2);
    stage.world.take('call');
    stage.world.take('call').answer({ n: 2 });
    await quiet();
    expect(await stage.task(run, 'a')).toMatchObject({ status: 'succeeded', attempt: 2 });
  });

  it('is unknown where it may not happen twice and nobody can tell, and a person decides', async () => {
    const { stage, run } = await started('world.shout', ', timeout: 3s');
    await stage.clock.advance(10_000);
    const task = await stage.task(run, 'a');
    expect(task.status).toBe('unknown');
    expect(task.gates[0]?.words).toContain('did not come back');
    expect(await stage.submit(force(run))).toMatchObject({ refused: false });
    expect((await stage.view(run)).status).toBe('succeeded');
    await innocentEnds(stage);
  });

  it('is looked up by its key, and timed out when the system never saw it', async () => {
    const { stage, run } = await started('world.touch', ', timeout: 3s');
    await stage.clock.advance(10_000);
    stage.world.take('locate').answer('absent');
    await quiet();
    expect(await stage.task(run, 'a')).toMatchObject({ status: 'timed-out' });
    expect(stage.world.count('call')).toBe(1);
  });

  it('is looked up by its key, and taken for what the system found', async () => {
    const { stage, run } = await started('world.touch', ', timeout: 3s');
    await stage.clock.advance(10_000);
    stage.world.take('locate').answer({ found: { id: 7 } });
    await quiet();
    expect(await stage.task(run, 'a')).toMatchObject({ status: 'succeeded', output: { id: 7 } });
  });

  it('is unknown when nobody answers the look-up either', async () => {
    const { stage, run } = await started('world.touch', ', timeout: 3s');
    await stage.clock.advance(2 * MINUTE);
    expect((await stage.task(run, 'a')).status).toBe('unknown');
    expect(await stage.submit(force(run))).toMatchObject({ refused: false });
    expect((await stage.view(run)).status).toBe('succeeded');
  });

  it.each(['world.look', 'world.touch', 'world.shout'])(
    'ends with its run when that is cancelled: %s',
    async (action) => {
      const { stage, run } = await started(action);
      await stage.submit(cancel(run));
      await stage.clock.advance(2 * MINUTE);
      const { status } = await stage.view(run);
      if (status === 'cancelled') return;
      // Nobody knows: then a person may say so, also while the run is being cancelled.
      expect((await stage.task(run, 'a')).status).toBe('unknown');
      expect(await stage.submit(force(run))).toMatchObject({ refused: false });
      await quiet();
      expect((await stage.view(run)).status).toBe('cancelled');
    },
  );

  it('tells what it knows when it comes back after all', async () => {
    const { stage, run } = await started('world.shout', ', timeout: 3s');
    const call = stage.world.take('call');
    await stage.clock.advance(10_000);
    expect((await stage.task(run, 'a')).status).toBe('unknown');
    call.answer({ id: 7 });
    await quiet();
    expect(await stage.task(run, 'a')).toMatchObject({ status: 'succeeded', output: { id: 7 } });
  });

  it('revives nothing when it comes back after all', async () => {
    const { stage, run } = await started('world.look', ', timeout: 3s');
    const call = stage.world.take('call');
    await stage.clock.advance(10_000);
    call.answer({ id: 7 });
    await quiet();
    expect(await stage.task(run, 'a')).toMatchObject({ status: 'timed-out' });
  });

  it('is not made after its node had to ask, when it was cancelled meanwhile', async () => {
    const { stage, run } = await started('world.touch', ', timeout: 3s');
    stage.world.take('call').fail({ class: 'transient', code: 'x', message: 'busy' });
    await quiet();
    expect((await stage.task(run, 'a')).status).toBe('failed');
  });
});

describe('the lane of calls that never come back', () => {
  const MANY = `
workflow: many
tasks:
  a: { each: range(20), parallel: 20, action: world.look, timeout: 3s }
`;
  const lane = (stage: Stage) =>
    stage.engine.readings().lanes.find((each) => each.lane === 'world');

  it('is free again, and says how many there are', async () => {
    const stage = await Stage.open();
    await stage.deploy(MANY);
    await stage.start('many');
    await stage.clock.advance(8_500);
    expect(lane(stage)?.overdue).toBeGreaterThanOrEqual(4);
    await stage.clock.advance(MINUTE);
    // As many again as the lane is wide, and what it lets begin when nothing ends; not one more.
    expect(lane(stage)).toMatchObject({ limit: 4, active: 0 });
    expect(lane(stage)?.overdue).toBeLessThanOrEqual(12);
  });

  it('takes them back when they come', async () => {
    const stage = await Stage.open();
    await stage.deploy(MANY);
    const run = await stage.start('many');
    for (let round = 0; round < 20; round++) {
      await stage.clock.advance(10_000);
      for (const question of stage.world.asked.splice(0)) question.answer({});
      await quiet();
    }
    expect((await stage.view(run)).status).toBe('failed');
    expect(lane(stage)).toMatchObject({ active: 0, overdue: 0, queued: 0 });
    await innocentEnds(stage);
  });
});

describe('a job whose system never answers', () => {
  it('is unknown when its submission does not come back in time, and found by its key', async () => {
    const { stage, run } = await started('world.work', ', timeout: 3s');
    await stage.clock.advance(10_000);
    stage.world.take('locate').answer('absent');
    await quiet();
    expect(await stage.task(run, 'a')).toMatchObject({ status: 'timed-out' });
    expect(stage.world.count('submit')).toBe(1);
  });

  it('is unknown when it is asked about and says nothing, and a person decides', async () => {
    const { stage, run } = await started('world.work');
    stage.world.take('submit').answer('job-1');
    await stage.clock.advance(10 * MINUTE);
    const task = await stage.task(run, 'a');
    expect(task.status).toBe('unknown');
    expect(task.gates[0]?.words).toContain('has not answered');
    expect(await stage.submit(force(run))).toMatchObject({ refused: false });
    expect((await stage.view(run)).status).toBe('succeeded');
  });

  it('is unknown when it was asked to stop, also with force, and goes on', async () => {
    const { stage, run } = await started('world.work');
    stage.world.take('submit').answer('job-1');
    stage.world.standing.set('follow', (each) =>
      each.answer({ state: 'running', askAgainMs: 1_000 }),
    );
    stage.world.standing.set('cancel', (each) => each.answer(undefined));
    await stage.submit(cancel(run));
    await stage.clock.advance(2 * MINUTE);
    const task = await stage.task(run, 'a');
    expect(task.status).toBe('unknown');
    expect(await stage.submit(force(run))).toMatchObject({ refused: false });
    await quiet();
    expect((await stage.view(run)).status).toBe('cancelled');
  });

  it('is asked to stop although the request to stop is not answered', async () => {
    const { stage, run } = await started('world.work');
    stage.world.take('submit').answer('job-1');
    stage.world.standing.set('follow', (each) =>
      each.answer({ state: 'running', askAgainMs: 1_000 }),
    );
    await stage.submit(cancel(run));
    await stage.clock.advance(5 * MINUTE);
    expect(stage.world.count('cancel')).toBe(2);
    expect((await stage.task(run, 'a')).status).toBe('unknown');
  });
});

describe('a node that stops while nothing answers', () => {
  it.each(['world.look', 'world.touch', 'world.shout', 'world.work'])(
    'is drained in time: %s',
    async (action) => {
      const { stage } = await started(action);
      let stopped = false;
      void stage.engine.stop().then(() => (stopped = true));
      await stage.clock.advance(10_000);
      await stage.clock.advance(100);
      expect(stopped).toBe(true);
    },
  );

  it('is drained at once of what it only asks about', async () => {
    const { stage } = await started('world.touch');
    stage.world.take('call').fail({ class: 'unknown', code: 'net', message: 'reset' });
    await quiet();
    let stopped = false;
    void stage.engine.stop().then(() => (stopped = true));
    await stage.clock.advance(100);
    expect(stopped).toBe(true);
  });
});

describe('who waits', () => {
  it('takes no place of those who work', async () => {
    const stage = await Stage.open();
    await stage.deploy(`
workflow: waits
tasks:
  wait: { each: range(200), parallel: 200, action: world.wait }
  make: { action: world.look }
`);
    await stage.start('waits');
    expect(stage.world.count('call')).toBe(201);
    const lanes = stage.engine.readings().lanes;
    expect(lanes.find(({ lane }) => lane === 'world.wait')).toMatchObject({ active: 200 });
    expect(lanes.find(({ lane }) => lane === 'world')).toMatchObject({ active: 1, limit: 4 });
  });

  it('lets one more begin each second while nothing ends, and not without end', async () => {
    const stage = await Stage.open();
    await stage.deploy(`
workflow: polls
tasks:
  poll: { each: range(20), parallel: 20, action: world.look }
`);
    const run = await stage.start('polls');
    expect(stage.world.count('call')).toBe(4);
    await stage.clock.advance(1_000);
    expect(stage.world.count('call')).toBe(5);
    await stage.clock.advance(MINUTE);
    expect(stage.world.count('call')).toBe(8);
    for (let left = 20; left > 0; left--) {
      stage.world.take('call').answer({});
      await quiet();
      const lane = stage.engine.readings().lanes.find((each) => each.lane === 'world');
      expect(lane?.active).toBeLessThanOrEqual(8);
    }
    expect((await stage.view(run)).status).toBe('succeeded');
  });

  it('does not let more begin while attempts end', async () => {
    const stage = await Stage.open();
    await stage.deploy(`
workflow: works
tasks:
  work: { each: range(20), parallel: 20, action: world.look }
`);
    await stage.start('works');
    for (let second = 0; second < 15; second++) {
      await stage.clock.advance(400);
      stage.world.take('call').answer({});
      await quiet();
      expect(stage.world.count('call')).toBeLessThanOrEqual(4);
    }
  });
});

describe('a call that ends Tutti each time', () => {
  it('is unknown after the third time, with a reason, and a person decides', async () => {
    const { stage, run } = await started('world.touch');
    for (let crash = 1; crash <= 3; crash++) {
      expect(stage.world.count('call')).toBe(1);
      await stage.crash();
      stage.world.take('locate').answer('absent');
      await quiet();
    }
    expect(stage.world.count('call')).toBe(0);
    const task = await stage.task(run, 'a');
    expect(task.status).toBe('unknown');
    expect(task.gates[0]?.words).toContain('has ended 3 times');
    expect(await stage.submit(force(run))).toMatchObject({ refused: false });
    expect((await stage.view(run)).status).toBe('succeeded');
  });
});
