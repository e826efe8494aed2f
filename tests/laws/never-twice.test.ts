/** Law 6: an attempt has a key, and what may have left the house is looked up before anything else. */
import { describe, expect, it } from 'vitest';
import { quiet } from '../simulation/clock.ts';
import { by, Stage } from '../simulation/stage.ts';

const workflow = (action: string) => `
workflow: one
tasks:
  a: { action: ${action}, retry: { attempts: 2, delay: 1s } }
`;

async function started(action: string): Promise<{ stage: Stage; run: string }> {
  const stage = await Stage.open();
  await stage.deploy(workflow(action));
  return { stage, run: await stage.start('one') };
}

describe('law 6, never twice: calls', () => {
  it('asks by key after a lost reply, and takes what it finds', async () => {
    const { stage, run } = await started('world.touch');
    stage.world.take('call').fail({ class: 'unknown', code: 'net', message: 'reset' });
    await quiet();
    expect(stage.world.count('call')).toBe(0);
    stage.world.take('locate').answer({ found: { id: 7 } });
    await quiet();
    expect(await stage.task(run, 'a')).toMatchObject({
      status: 'succeeded',
      output: { id: 7 },
      attempt: 1,
    });
  });

  it('calls again under the same key only when the key is absent', async () => {
    const { stage, run } = await started('world.touch');
    const first = stage.world.take('call');
    first.fail({ class: 'unknown', code: 'net', message: 'reset' });
    await quiet();
    stage.world.take('locate').answer('absent');
    await quiet();
    const second = stage.world.take('call');
    expect(second.key).toBe(first.key);
    second.answer({});
    await quiet();
    expect((await stage.task(run, 'a')).status).toBe('succeeded');
  });

  it('is unknown, never failed, while the system cannot be asked, and goes on when it answers', async () => {
    const { stage, run } = await started('world.touch');
    stage.world.take('call').fail({ class: 'unknown', code: 'net', message: 'reset' });
    await quiet();
    stage.world.take('locate').answer('cannot-tell');
    await quiet();
    const lost = await stage.task(run, 'a');
    expect(lost.status).toBe('unknown');
    expect(lost.gates[0]?.words).toContain('reset');
    await stage.clock.advance(60_000);
    stage.world.take('locate').answer({ found: {} });
    await quiet();
    expect((await stage.task(run, 'a')).status).toBe('succeeded');
    expect(stage.types(run)).toContain('TaskFound');
  });

  it('leaves a call without look-up to a person', async () => {
    const { stage, run } = await started('world.shout');
    stage.world.take('call').fail({ class: 'unknown', code: 'net', message: 'reset' });
    await stage.clock.advance(600_000);
    expect(stage.world.asked).toEqual([]);
    expect((await stage.task(run, 'a')).status).toBe('unknown');
    await stage.submit({
      type: 'ForceTask',
      run,
      task: 'a',
      as: 'succeeded',
      by: { ...by, reason: 'seen' },
    });
    expect((await stage.view(run)).status).toBe('succeeded');
  });

  it('looks up after a crash in the middle of a call', async () => {
    const { stage, run } = await started('world.touch');
    await stage.crash();
    expect(stage.world.count('call')).toBe(0);
    stage.world.take('locate').answer({ found: {} });
    await quiet();
    expect((await stage.task(run, 'a')).status).toBe('succeeded');
  });

  it('asks on while the attempt is being cancelled', async () => {
    const { stage, run } = await started('world.touch');
    await stage.submit({ type: 'CancelRun', run, by });
    await stage.crash();
    const question = stage.world.take('locate');
    expect(question.context.signal.aborted).toBe(false);
    question.answer('absent');
    await quiet();
    expect((await stage.view(run)).status).toBe('cancelled');
  });

  it('simply repeats an idempotent call after a crash', async () => {
    const { stage, run } = await started('world.look');
    expect(stage.types(run)).toEqual(['RunStarted']);
    await stage.crash();
    stage.world.take('call').answer({});
    await quiet();
    expect((await stage.task(run, 'a')).status).toBe('succeeded');
  });

  it('says of each retry that it is the same operation, and of a rerun and a round that it is not', async () => {
    const stage = await Stage.open();
    await stage.deploy(`
workflow: one
tasks:
  a:
    action: world.touch
    retry: { attempts: 3, delay: 1s, backoff: 1, jitter: 0 }
    until: { holds: output.done == true, every: 1s, attempts: 9 }
`);
    const run = await stage.start('one');
    const seen: (string | undefined)[] = [];
    const failure = { class: 'transient', code: 'busy', message: 'busy' } as const;
    const answers: readonly (object | undefined)[] = [
      undefined,
      undefined,
      { done: false },
      undefined,
    ];
    for (const output of answers) {
      const call = stage.world.take('call');
      seen.push(call.context.operation);
      if (output === undefined) call.fail(failure);
      else call.answer(output);
      await stage.clock.advance(1_000);
    }
    const lost = stage.world.take('call');
    lost.fail({ ...failure, class: 'unknown' });
    await quiet();
    const asked = stage.world.take('locate');
    seen.push(lost.context.operation, asked.context.operation);
    asked.answer({ found: { done: true } });
    await quiet();
    await stage.submit({ type: 'RerunTask', run, task: 'a', by: { ...by, reason: 'again' } });
    await quiet();
    seen.push(stage.world.take('call').context.operation);
    const [first, , , fourth, , , last] = seen;
    expect(seen).toEqual([first, first, first, fourth, fourth, fourth, last]);
    expect(new Set([first, fourth, last]).size).toBe(3);
  });

  it('retries a failure under a new key, after its delay', async () => {
    const { stage, run } = await started('world.touch');
    const first = stage.world.take('call');
    first.fail({ class: 'transient', code: 'busy', message: 'busy: hunter2' });
    await quiet();
    const waiting = await stage.task(run, 'a');
    expect(waiting.status).toBe('retrying');
    expect(waiting.failure?.message).toBe('busy: •••');
    await stage.clock.advance(999);
    expect(stage.world.count('call')).toBe(0);
    await stage.clock.advance(1);
    expect(stage.world.take('call').key).not.toBe(first.key);
  });
});

describe('an output', () => {
  it.each([
    ['call', 'world.look'],
    ['job', 'world.work'],
  ] as const)(
    'of more than 256 kB fails the %s as rejected, and nothing of it is kept',
    async (form, action) => {
      const { stage, run } = await started(action);
      const large = { text: 'x'.repeat(256 * 1024) };
      if (form === 'call') {
        stage.world.take('call').answer(large);
      } else {
        stage.world.take('submit').answer('job-1');
        await quiet();
        stage.world.take('follow').answer({ state: 'succeeded', output: large });
      }
      await quiet();
      const task = await stage.task(run, 'a');
      expect(task).toMatchObject({
        status: 'failed',
        attempt: 1,
        failure: { class: 'rejected', code: 'output.too-large' },
      });
      expect(task.failure?.message).toContain('at most 262144');
      expect(task.output).toBeUndefined();
    },
  );

  it('just within the limit is kept', async () => {
    const { stage, run } = await started('world.look');
    const text = 'x'.repeat(256 * 1024 - 11);
    stage.world.take('call').answer({ text });
    await quiet();
    expect((await stage.task(run, 'a')).output).toEqual({ text });
  });
});

describe('law 6, never twice: jobs', () => {
  it('locates the job after a crash and follows it to its end', async () => {
    const { stage, run } = await started('world.work');
    await stage.crash();
    expect(stage.world.count('submit')).toBe(0);
    stage.world.take('locate').answer('job-1');
    await quiet();
    stage.world.take('follow').answer({ state: 'succeeded', output: 42 });
    await quiet();
    expect(await stage.task(run, 'a')).toMatchObject({ status: 'succeeded', output: 42 });
  });

  it('submits after a crash only when the key is absent', async () => {
    const { stage } = await started('world.work');
    await stage.crash();
    stage.world.take('locate').answer('absent');
    await quiet();
    expect(stage.world.count('submit')).toBe(1);
  });

  it('follows a job whose id is durable without asking for it', async () => {
    const { stage, run } = await started('world.work');
    stage.world.take('submit').answer('job-1');
    await quiet();
    expect(stage.types(run)).toContain('TaskSubmitted');
    await stage.crash();
    expect(stage.world.count('locate')).toBe(0);
    expect(stage.world.count('follow')).toBe(1);
  });

  it('becomes unknown when the system stays silent, and is found again', async () => {
    const { stage, run } = await started('world.work');
    stage.world.take('submit').answer('job-1');
    await quiet();
    stage.world.standing.set('follow', (question) =>
      question.fail({ class: 'unknown', code: 'net', message: 'no route' }),
    );
    stage.world.take('follow').fail({ class: 'unknown', code: 'net', message: 'no route' });
    await stage.clock.advance(5_000);
    expect((await stage.task(run, 'a')).status).toBe('unknown');
    stage.world.standing.set('follow', (question) =>
      question.answer({ state: 'succeeded', output: {} }),
    );
    await stage.clock.advance(60_000);
    expect((await stage.task(run, 'a')).status).toBe('succeeded');
    expect(stage.types(run).filter((type) => type === 'TaskStarted')).toHaveLength(1);
  });
});
