/** Lines of the log: facts at their level, troubles at most so often, none of them lost. */
import { expect, it } from 'vitest';
import { EngineLog } from './engine-log.ts';

function subject() {
  const lines: { level: string; fields: object; message: string }[] = [];
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields, message });
  const time = { now: 0 };
  const log = new EngineLog({ info: write('info'), warn: write('warn') }, () => time.now);
  return { lines, time, log };
}

it('says facts with what they are about', () => {
  const { lines, log } = subject();
  log.noted({ is: 'claimed', runs: 1 });
  log.noted({ is: 'fenced', nodes: 2 });
  log.noted({ is: 'lease-lost', reason: 'fenced' });
  expect(lines.map(({ level }) => level)).toEqual(['info', 'info', 'warn']);
  expect(lines.map(({ fields }) => fields)).toEqual([
    { runs: 1 },
    { nodes: 2 },
    { reason: 'fenced' },
  ]);
  expect(lines[0]?.message).toBe('Claimed 1 run without a live owner.');
  expect(lines[1]?.message).toContain('2 other nodes');
});

it('says a trouble at once, then at most so often, and how often it was left out', () => {
  const { lines, time, log } = subject();
  const error = new Error('away');
  for (let i = 0; i < 5; i++) log.troubled('renewing the lease', error, { node: 7 });
  log.troubled('asking for slots', error);
  expect(lines.map(({ message }) => message)).toEqual([
    'Error while renewing the lease; Tutti continues.',
    'Error while asking for slots; Tutti continues.',
  ]);
  expect(lines[0]?.fields).toEqual({ err: error, node: 7 });
  time.now = 10_000;
  log.troubled('renewing the lease', error);
  expect(lines[2]?.fields).toEqual({ err: error, untold: 4 });
  time.now = 30_000;
  log.troubled('renewing the lease', error);
  expect(lines[3]?.fields).toEqual({ err: error });
});
