import { describe, expect, it } from 'vitest';
import type { ActionContext } from '../kit/index.ts';
import { Helper } from './process.ts';

/** As `serve` speaks, and with an action that does not come back. */
const PROGRAM = `
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('message', ({ id, name, abort }) => {
  if (abort || name === 'hang') return;
  if (name === 'die') process.kill(process.pid, 'SIGKILL');
  process.send({ id, said: 'log', stream: 'note', text: 'working' });
  process.send({ id, said: 'done', output: process.pid });
});
`;

function contextOf(signal = new AbortController().signal, log: string[] = []): ActionContext {
  return {
    key: 'run:task:1',
    run: 'run',
    task: 'task',
    attempt: 1,
    config: {},
    directory: '/',
    stateDirectory: '/',
    signal,
    log: (_stream, text) => log.push(text),
  };
}

describe('the process that works on files', () => {
  it('does one thing after the other, and tells the log', async () => {
    const helper = new Helper(PROGRAM);
    const log: string[] = [];
    const first = await helper.run('look', contextOf(undefined, log), {});
    expect(await helper.run('look', contextOf(undefined, log), {})).toBe(first);
    expect(log).toEqual(['working', 'working']);
  });

  it('is left behind by what does not stop, and keeps nobody else waiting', async () => {
    const helper = new Helper(PROGRAM);
    const before = await helper.run('look', contextOf(), {});
    const stops = Array.from({ length: 64 }, () => new AbortController());
    const many = stops.map(({ signal }) => helper.run('hang', contextOf(signal), {}));
    const outcomes = Promise.allSettled(many);
    // Work goes on beside it, and after it.
    expect(await helper.run('look', contextOf(), {})).toBe(before);
    for (const stop of stops) stop.abort();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'file.silent' } });
    }
    expect(await helper.run('look', contextOf(), {})).not.toBe(before);
  });

  it('that has ended is replaced, and what it did can be done again', async () => {
    const helper = new Helper(PROGRAM);
    const before = await helper.run('look', contextOf(), {});
    const failure = { class: 'transient', code: 'file.interrupted' };
    await expect(helper.run('die', contextOf(), {})).rejects.toMatchObject(failure);
    expect(await helper.run('look', contextOf(), {})).not.toBe(before);
  });
});
