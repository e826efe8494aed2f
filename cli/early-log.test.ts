import { expect, it } from 'vitest';
import { EarlyLog } from './early-log.ts';

it('keeps the lines of before there was a log, and writes them first and in order', () => {
  const lines: unknown[] = [];
  const early = new EarlyLog();
  early.info({ pid: 1 }, 'started');
  early.warn({}, 'lost');
  early.continueIn({
    info: (fields, message) => lines.push(['info', fields, message]),
    warn: (fields, message) => lines.push(['warn', fields, message]),
  });
  early.info({}, 'later');
  expect(lines).toEqual([
    ['info', { pid: 1 }, 'started'],
    ['warn', {}, 'lost'],
    ['info', {}, 'later'],
  ]);
});
