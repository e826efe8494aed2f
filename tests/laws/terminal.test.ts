/** Law 10: terminal means terminal; cancel is requested, then confirmed by the system. */
import { describe, expect, it } from 'vitest';
import { quiet } from '../simulation/clock.ts';
import { by, EngineHarness } from '../simulation/engine-harness.ts';

const JOB = `
workflow: job
tasks:
  a: { action: world.work, timeout: 10s }
  b: { action: world.look, needs: [a] }
`;
const PARENT = `
workflow: parent
tasks:
  child: { workflow: job }
`;

async function running(): Promise<{ harness: EngineHarness; run: string }> {
  const harness = await EngineHarness.open();
  await harness.deploy(JOB);
  await harness.deploy(PARENT);
  const run = await harness.start('job');
  harness.world.take('submit').answer('job-1');
  await quiet();
  return { harness, run };
}

describe('law 10, terminal means terminal', () => {
  it('is cancelled only when the system has confirmed it', async () => {
    const { harness, run } = await running();
    await harness.submit({ type: 'CancelRun', run, by });
    expect((await harness.view(run)).status).toBe('cancelling');
    expect((await harness.task(run, 'a')).gates[0]?.kind).toBe('cancel');
    harness.world.take('follow').answer({ state: 'running', askAgainMs: 100 });
    await harness.clock.advance(100);
    harness.world.take('cancel').answer(undefined);
    await quiet();
    harness.world.take('follow').answer({ state: 'cancelled' });
    await quiet();
    expect((await harness.view(run)).status).toBe('cancelled');
  });

  it('keeps the real result of a job that ended first', async () => {
    const { harness, run } = await running();
    await harness.submit({ type: 'CancelRun', run, by });
    harness.world.take('follow').answer({ state: 'succeeded', output: 1 });
    await quiet();
    expect((await harness.task(run, 'a')).status).toBe('succeeded');
    expect((await harness.view(run)).status).toBe('cancelled');
    expect(harness.world.count('call')).toBe(0);
  });

  it('goes on asking for a cancellation after a crash', async () => {
    const { harness, run } = await running();
    await harness.submit({ type: 'CancelRun', run, by });
    await harness.crash();
    expect(harness.world.count('cancel')).toBe(1);
  });

  it('stops a job whose timeout is over, and ends it timed-out when the system confirms', async () => {
    const { harness, run } = await running();
    await harness.clock.advance(10_000);
    harness.world.take('follow').answer({ state: 'running', askAgainMs: 1 });
    await harness.clock.advance(10);
    harness.world.take('cancel').answer(undefined);
    await quiet();
    harness.world.take('follow').answer({ state: 'cancelled' });
    await quiet();
    expect((await harness.task(run, 'a')).status).toBe('timed-out');
    expect((await harness.view(run)).status).toBe('failed');
  });

  it('drops an outcome that comes after an operator has decided', async () => {
    const { harness } = await running();
    const run = await harness.start('job');
    const submit = harness.world.take('submit');
    submit.fail({ class: 'unknown', code: 'net', message: 'reset' });
    await quiet();
    const locate = harness.world.take('locate');
    locate.fail({ class: 'unknown', code: 'net', message: 'reset' });
    await harness.clock.advance(300);
    harness.world.take('locate').fail({ class: 'unknown', code: 'net', message: 'reset' });
    await harness.clock.advance(600);
    const last = harness.world.take('locate');
    last.fail({ class: 'unknown', code: 'net', message: 'reset' });
    await quiet();
    expect((await harness.task(run, 'a')).status).toBe('unknown');
    await harness.submit({ type: 'ForceTask', run, task: 'a', as: 'failed', by });
    expect((await harness.view(run)).status).toBe('failed');
    await harness.clock.advance(120_000);
    expect((await harness.view(run)).status).toBe('failed');
  });
});

describe('child runs', () => {
  it('end their parent task, also after a crash of both', async () => {
    const { harness } = await running();
    const run = await harness.start('parent');
    const child = (await harness.task(run, 'child')).child ?? '';
    harness.world.take('submit').answer('job-2');
    await quiet();
    await harness.crash();
    const follows = harness.world.asked.filter(
      (question) => question.verb === 'follow' && question.key.startsWith(child),
    );
    expect(follows).toHaveLength(1);
    follows[0]?.answer({
      state: 'failed',
      failure: Object.assign(new Error('bad'), { class: 'failed', code: 'x' }),
    });
    await quiet();
    expect((await harness.view(child)).status).toBe('failed');
    expect(await harness.task(run, 'child')).toMatchObject({
      status: 'failed',
      failure: { code: 'child.failed' },
    });
  });

  it('are cancelled with their parent', async () => {
    const { harness } = await running();
    const run = await harness.start('parent');
    const child = (await harness.task(run, 'child')).child ?? '';
    await harness.submit({ type: 'CancelRun', run, by });
    await quiet();
    expect((await harness.view(child)).status).toBe('cancelling');
    const submit = harness.world.take('submit');
    submit.answer('job-2');
    await quiet();
    for (const question of harness.world.asked) {
      if (!question.key.startsWith(child)) continue;
      if (question.verb === 'cancel') question.answer(undefined);
      if (question.verb === 'follow') question.answer({ state: 'cancelled' });
    }
    await quiet();
    for (const question of harness.world.asked) {
      if (question.verb === 'follow' && question.key.startsWith(child))
        question.answer({ state: 'cancelled' });
    }
    await quiet();
    expect((await harness.view(run)).status).toBe('cancelled');
  });
});
