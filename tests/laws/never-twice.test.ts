/** Law 6: an attempt has a key, and what may have left the node is looked up before anything else. */
import { describe, expect, it } from 'vitest';
import { quiet } from '../simulation/clock.ts';
import { by, EngineHarness } from '../simulation/engine-harness.ts';

const workflow = (action: string) => `
workflow: one
tasks:
  a: { action: ${action}, retry: { attempts: 2, delay: 1s } }
`;

async function started(action: string): Promise<{ harness: EngineHarness; run: string }> {
  const harness = await EngineHarness.open();
  await harness.deploy(workflow(action));
  return { harness, run: await harness.start('one') };
}

describe('law 6, never twice: calls', () => {
  it('asks by key after a lost reply, and takes what it finds', async () => {
    const { harness, run } = await started('world.touch');
    harness.world.take('call').fail({ class: 'unknown', code: 'net', message: 'reset' });
    await quiet();
    expect(harness.world.count('call')).toBe(0);
    harness.world.take('locate').answer({ found: { id: 7 } });
    await quiet();
    expect(await harness.task(run, 'a')).toMatchObject({
      status: 'succeeded',
      output: { id: 7 },
      attempt: 1,
    });
  });

  it('calls again under the same key only when the key is absent', async () => {
    const { harness, run } = await started('world.touch');
    const first = harness.world.take('call');
    first.fail({ class: 'unknown', code: 'net', message: 'reset' });
    await quiet();
    harness.world.take('locate').answer('absent');
    await quiet();
    const second = harness.world.take('call');
    expect(second.key).toBe(first.key);
    second.answer({});
    await quiet();
    expect((await harness.task(run, 'a')).status).toBe('succeeded');
  });

  it('is unknown, never failed, while the system cannot be asked, and goes on when it answers', async () => {
    const { harness, run } = await started('world.touch');
    harness.world.take('call').fail({ class: 'unknown', code: 'net', message: 'reset' });
    await quiet();
    harness.world.take('locate').answer('cannot-tell');
    await quiet();
    const lost = await harness.task(run, 'a');
    expect(lost.status).toBe('unknown');
    expect(lost.gates[0]?.message).toContain('reset');
    await harness.clock.advance(60_000);
    harness.world.take('locate').answer({ found: {} });
    await quiet();
    expect((await harness.task(run, 'a')).status).toBe('succeeded');
    expect(harness.types(run)).toContain('TaskResolved');
  });

  it('leaves a call without look-up to a person', async () => {
    const { harness, run } = await started('world.shout');
    harness.world.take('call').fail({ class: 'unknown', code: 'net', message: 'reset' });
    await harness.clock.advance(600_000);
    expect(harness.world.asked).toEqual([]);
    expect((await harness.task(run, 'a')).status).toBe('unknown');
    await harness.submit({
      type: 'ForceTask',
      run,
      task: 'a',
      as: 'succeeded',
      by: { ...by, reason: 'seen' },
    });
    expect((await harness.view(run)).status).toBe('succeeded');
  });

  it('looks up after a crash in the middle of a call', async () => {
    const { harness, run } = await started('world.touch');
    await harness.crash();
    expect(harness.world.count('call')).toBe(0);
    harness.world.take('locate').answer({ found: {} });
    await quiet();
    expect((await harness.task(run, 'a')).status).toBe('succeeded');
  });

  it('asks on while the attempt is being cancelled', async () => {
    const { harness, run } = await started('world.touch');
    await harness.submit({ type: 'CancelRun', run, by });
    await harness.crash();
    const question = harness.world.take('locate');
    expect(question.context.signal.aborted).toBe(false);
    question.answer('absent');
    await quiet();
    expect((await harness.view(run)).status).toBe('cancelled');
  });

  it('simply repeats an idempotent call after a crash', async () => {
    const { harness, run } = await started('world.look');
    expect(harness.types(run)).toEqual(['RunStarted']);
    await harness.crash();
    harness.world.take('call').answer({});
    await quiet();
    expect((await harness.task(run, 'a')).status).toBe('succeeded');
  });

  it('says of each retry that it is the same operation, and of a rerun and a round that it is not', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(`
workflow: one
tasks:
  a:
    action: world.touch
    retry: { attempts: 3, delay: 1s, backoff: 1, jitter: 0 }
    until: { holds: output.done == true, every: 1s, attempts: 9 }
`);
    const run = await harness.start('one');
    const seen: (string | undefined)[] = [];
    const failure = { class: 'transient', code: 'busy', message: 'busy' } as const;
    const answers: readonly (object | undefined)[] = [
      undefined,
      undefined,
      { done: false },
      undefined,
    ];
    for (const output of answers) {
      const call = harness.world.take('call');
      seen.push(call.context.operation);
      if (output === undefined) call.fail(failure);
      else call.answer(output);
      await harness.clock.advance(1_000);
    }
    const lost = harness.world.take('call');
    lost.fail({ ...failure, class: 'unknown' });
    await quiet();
    const asked = harness.world.take('locate');
    seen.push(lost.context.operation, asked.context.operation);
    asked.answer({ found: { done: true } });
    await quiet();
    await harness.submit({ type: 'RerunTask', run, task: 'a', by: { ...by, reason: 'again' } });
    await quiet();
    seen.push(harness.world.take('call').context.operation);
    const [first, , , fourth, , , last] = seen;
    expect(seen).toEqual([first, first, first, fourth, fourth, fourth, last]);
    expect(new Set([first, fourth, last]).size).toBe(3);
  });

  it('retries a failure under a new key, after its delay', async () => {
    const { harness, run } = await started('world.touch');
    const first = harness.world.take('call');
    first.fail({ class: 'transient', code: 'busy', message: 'busy: hunter2' });
    await quiet();
    const waiting = await harness.task(run, 'a');
    expect(waiting.status).toBe('retrying');
    expect(waiting.failure?.message).toBe('busy: •••');
    await harness.clock.advance(999);
    expect(harness.world.count('call')).toBe(0);
    await harness.clock.advance(1);
    expect(harness.world.take('call').key).not.toBe(first.key);
  });
});

describe('an output', () => {
  it.each([
    ['call', 'world.look'],
    ['job', 'world.work'],
  ] as const)(
    'of more than 256 kB fails the %s as rejected, and nothing of it is kept',
    async (form, action) => {
      const { harness, run } = await started(action);
      const large = { text: 'x'.repeat(256 * 1024) };
      if (form === 'call') {
        harness.world.take('call').answer(large);
      } else {
        harness.world.take('submit').answer('job-1');
        await quiet();
        harness.world.take('follow').answer({ state: 'succeeded', output: large });
      }
      await quiet();
      const task = await harness.task(run, 'a');
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
    const { harness, run } = await started('world.look');
    const text = 'x'.repeat(256 * 1024 - 11);
    harness.world.take('call').answer({ text });
    await quiet();
    expect((await harness.task(run, 'a')).output).toEqual({ text });
  });
});

describe('law 6, never twice: jobs', () => {
  it('locates the job after a crash and follows it to its end', async () => {
    const { harness, run } = await started('world.work');
    await harness.crash();
    expect(harness.world.count('submit')).toBe(0);
    harness.world.take('locate').answer('job-1');
    await quiet();
    harness.world.take('follow').answer({ state: 'succeeded', output: 42 });
    await quiet();
    expect(await harness.task(run, 'a')).toMatchObject({ status: 'succeeded', output: 42 });
  });

  it('submits after a crash only when the key is absent', async () => {
    const { harness } = await started('world.work');
    await harness.crash();
    harness.world.take('locate').answer('absent');
    await quiet();
    expect(harness.world.count('submit')).toBe(1);
  });

  it('follows a job whose id is durable without asking for it', async () => {
    const { harness, run } = await started('world.work');
    harness.world.take('submit').answer('job-1');
    await quiet();
    expect(harness.types(run)).toContain('TaskSubmitted');
    await harness.crash();
    expect(harness.world.count('locate')).toBe(0);
    expect(harness.world.count('follow')).toBe(1);
  });

  it('becomes unknown when the system stays silent, and is found again', async () => {
    const { harness, run } = await started('world.work');
    harness.world.take('submit').answer('job-1');
    await quiet();
    harness.world.standing.set('follow', (question) =>
      question.fail({ class: 'unknown', code: 'net', message: 'no route' }),
    );
    harness.world.take('follow').fail({ class: 'unknown', code: 'net', message: 'no route' });
    await harness.clock.advance(5_000);
    expect((await harness.task(run, 'a')).status).toBe('unknown');
    harness.world.standing.set('follow', (question) =>
      question.answer({ state: 'succeeded', output: {} }),
    );
    await harness.clock.advance(60_000);
    expect((await harness.task(run, 'a')).status).toBe('succeeded');
    expect(harness.types(run).filter((type) => type === 'TaskStarted')).toHaveLength(1);
  });
});
