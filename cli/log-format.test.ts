import { describe, expect, it } from 'vitest';
import { Redactor } from '../model/redactor.ts';
import { logger, textOf } from './log-format.ts';

const TIME = '"time":"2026-12-01T12:03:04.056Z"';

describe('the log as text', () => {
  it.each([
    [
      `{"level":"info",${TIME},"runs":3,"name":"west-1","msg":"Claimed 3 runs."}`,
      '2026-12-01 12:03:04.056Z info  Claimed 3 runs. runs=3 name=west-1\n',
    ],
    [
      `{"level":"warn",${TIME},"detail":"two words","to":{"a":1},"msg":"Late."}`,
      '2026-12-01 12:03:04.056Z warn  Late. detail="two words" to={"a":1}\n',
    ],
    [
      `{"level":"error",${TIME},"err":{"message":"no","stack":"Error: no\\n    at x"},"msg":"Broken."}`,
      '2026-12-01 12:03:04.056Z error Broken.\n    Error: no\n        at x\n',
    ],
    [`{"level":"debug",${TIME}}`, '2026-12-01 12:03:04.056Z debug \n'],
  ])('says %s', (line, text) => {
    expect(textOf(line)).toBe(text);
  });
});

describe('the logger', () => {
  const lines = (format: 'text' | 'json'): string[] => {
    const written: string[] = [];
    const redactor = new Redactor(['hunter22hunter22']);
    const log = logger({ level: 'info', format, redactor }, (line) => written.push(line));
    log.debug('not now');
    log.info({ token: 'hunter22hunter22' }, 'It is hunter22hunter22.');
    return written;
  };

  it('blacks secrets out of each line, whatever its format', () => {
    for (const format of ['text', 'json'] as const) {
      const [line = '', ...more] = lines(format);
      expect(more).toEqual([]);
      expect(line).not.toContain('hunter22');
      expect(line).toContain('It is ');
    }
  });

  it('writes objects for programs', () => {
    expect(JSON.parse(lines('json')[0] ?? '')).toMatchObject({ level: 'info' });
  });
});
