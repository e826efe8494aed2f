import { describe, expect, it } from 'vitest';
import { Redactor } from '../model/redactor.ts';
import { logger } from './log-format.ts';

/** What each call of `write` gave, all levels. */
function linesOf(format: 'text' | 'json', write: (log: ReturnType<typeof logger>) => void) {
  const lines: string[] = [];
  const redactor = new Redactor(['hunter22hunter22']);
  write(logger({ level: 'debug', format, redactor }, (line) => lines.push(line)));
  return lines;
}

describe('the log as text', () => {
  it.each([
    ['info', { runs: 3, name: 'west-1' }, 'Claimed.', 'info  Claimed. runs=3 name=west-1\n'],
    ['warn', { detail: 'two words', to: { a: 1 } }, '', 'warn   detail="two words" to={"a":1}\n'],
    [
      'error',
      { err: { message: 'no', stack: 'Error: no\n    at x' } },
      'Broken.',
      'error Broken.\n    Error: no\n        at x\n',
    ],
    ['debug', {}, undefined, 'debug \n'],
  ] as const)('says what is %s', (level, fields, message, text) => {
    const [line = ''] = linesOf('text', (log) => log[level](fields, message));
    expect(line).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z /);
    expect(line.slice('2026-12-01 12:03:04.056Z '.length)).toBe(text);
  });
});

describe('the logger', () => {
  const say = (log: ReturnType<typeof logger>): void =>
    log.info({ token: 'hunter22hunter22' }, 'It is hunter22hunter22.');

  it('writes nothing below its level', () => {
    const lines: string[] = [];
    const log = logger({ level: 'info', format: 'text', redactor: undefined }, (line) =>
      lines.push(line),
    );
    log.debug('not now');
    log.info('now');
    expect(lines).toHaveLength(1);
  });

  it('blacks secrets out of each line, whatever its format', () => {
    for (const format of ['text', 'json'] as const) {
      const [line = '', ...more] = linesOf(format, say);
      expect(more).toEqual([]);
      expect(line).not.toContain('hunter22');
      expect(line).toContain('It is ');
    }
  });

  it('writes objects for programs', () => {
    expect(JSON.parse(linesOf('json', say)[0] ?? '')).toMatchObject({ level: 'info' });
  });
});
