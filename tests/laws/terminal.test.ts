/** Law 10: terminal means terminal; cancel is requested, then confirmed by the system. */
import { describe, expect, it } from 'vitest';
import { quiet } from '../simulation/clock.ts';
import { by, Stage } from '../simulation/stage.ts';

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

async function running(): Promise<{ stage: Stage; run: string }> {
  const stage = await Stage.open();
  await stage.deploy(JOB);
  await stage.deploy(PARENT);
  const run = await stage.start('job');
  stage.world.take('submit').answer('job-1');
  await quiet();
  return { stage, run };
}

describe('law 10, terminal means terminal', () => {
  it('is cancelled only when the system has confirmed it', async () => {
    const { stage, run } = await running();
    await stage.submit({ type: 'CancelRun', run, by });
    expect((await stage.view(run)).status).toBe('cancelling');
    expect((await stage.task(run, 'a')).gates[0]?.kind).toBe('cancel');
    stage.world.take('follow').answer({ state: 'running', askAgainMs: 100 });
    await stage.clock.advance(100);
    stage.world.take('cancel').answer(undefined);
    await quiet();
    stage.world.take('follow').answer({ state: 'cancelled' });
    await quiet();
    expect((await stage.view(run)).status).toBe('cancelled');
  });

  it('keeps the real result of a job that ended first', async () => {
    const { stage, run } = await running();
    await stage.submit({ type: 'CancelRun', run, by });
    stage.world.take('follow').answer({ state: 'succeeded', output: 1 });
    await quiet();
    expect((await stage.task(run, 'a')).status).toBe('succeeded');
    expect((await stage.view(run)).status).toBe('cancelled');
    expect(stage.world.count('call')).toBe(0);
  });

  it('goes on asking for a cancellation after a crash', async () => {
    const { stage, run } = await running();
    await stage.submit({ type: 'CancelRun', run, by });
    await stage.crash();
    expect(stage.world.count('cancel')).toBe(1);
  });

  it('stops a job whose timeout is over, and ends it timed-out when the system confirms', async () => {
    const { stage, run } = await running();
    await stage.clock.advance(10_000);
    stage.world.take('follow').answer({ state: 'running', askAgainMs: 1 });
    await stage.clock.advance(10);
    stage.world.take('cancel').answer(undefined);
    await quiet();
    stage.world.take('follow').answer({ state: 'cancelled' });
    await quiet();
    expect((await stage.task(run, 'a')).status).toBe('timed-out');
    expect((await stage.view(run)).status).toBe('failed');
  });

  it('drops an outcome that comes after an operator has decided', async () => {
    const { stage } = await running();
    const run = await stage.start('job');
    const submit = stage.world.take('submit');
    submit.fail({ class: 'unknown', code: 'net', message: 'reset' });
    await quiet();
    const locate = stage.world.take('locate');
    locate.fail({ class: 'unknown', code: 'net', message: 'reset' });
    await stage.clock.advance(300);
    stage.world.take('locate').fail({ class: 'unknown', code: 'net', message: 'reset' });
    await stage.clock.advance(600);
    const last = stage.world.take('locate');
    last.fail({ class: 'unknown', code: 'net', message: 'reset' });
    await quiet();
    expect((await stage.task(run, 'a')).status).toBe('unknown');
    await stage.submit({ type: 'ForceTask', run, task: 'a', as: 'failed', by });
    expect((await stage.view(run)).status).toBe('failed');
    await stage.clock.advance(120_000);
    expect((await stage.view(run)).status).toBe('failed');
  });
});

describe('child runs', () => {
  it('end their parent task, also after a crash of both', async () => {
    const { stage } = await running();
    const run = await stage.start('parent');
    const child = (await stage.task(run, 'child')).child ?? '';
    stage.world.take('submit').answer('job-2');
    await quiet();
    await stage.crash();
    const follows = stage.world.asked.filter(
      (question) => question.verb === 'follow' && question.key.startsWith(child),
    );
    expect(follows).toHaveLength(1);
    follows[0]?.answer({
      state: 'failed',
      failure: Object.assign(new Error('bad'), { class: 'failed', code: 'x' }),
    });
    await quiet();
    expect((await stage.view(child)).status).toBe('failed');
    expect(await stage.task(run, 'child')).toMatchObject({
      status: 'failed',
      failure: { code: 'child.failed' },
    });
  });

  it('are cancelled with their parent', async () => {
    const { stage } = await running();
    const run = await stage.start('parent');
    const child = (await stage.task(run, 'child')).child ?? '';
    await stage.submit({ type: 'CancelRun', run, by });
    await quiet();
    expect((await stage.view(child)).status).toBe('cancelling');
    const submit = stage.world.take('submit');
    submit.answer('job-2');
    await quiet();
    for (const question of stage.world.asked) {
      if (!question.key.startsWith(child)) continue;
      if (question.verb === 'cancel') question.answer(undefined);
      if (question.verb === 'follow') question.answer({ state: 'cancelled' });
    }
    await quiet();
    for (const question of stage.world.asked) {
      if (question.verb === 'follow' && question.key.startsWith(child))
        question.answer({ state: 'cancelled' });
    }
    await quiet();
    expect((await stage.view(run)).status).toBe('cancelled');
  });
});
