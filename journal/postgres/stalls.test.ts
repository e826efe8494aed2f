import { describe, expect, it } from 'vitest';
import { Unfit } from './faults.ts';
import { Stalls, troubleOf } from './stalls.ts';

function refusal(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

const AT = Date.UTC(2026, 10, 30, 6);

function sentence(error: unknown): string | undefined {
  const stalls = new Stalls();
  stalls.report({}, troubleOf(error), AT);
  return stalls.sentences()[0];
}

describe('what is wrong with the database', () => {
  it.each([
    [new Error('connect ECONNREFUSED'), 'cannot be reached', 'connect ECONNREFUSED'],
    [new Unfit('h:1 is a standby'), 'takes no writes', 'h:1 is a standby'],
    [refusal('25006', 'read-only'), 'takes no writes', 'read-only (25006)'],
    [refusal('53100', 'no space'), 'has no room left on its disk', 'no space (53100)'],
    [refusal('53300', 'too many'), 'has no connection left', 'too many (53300)'],
    [refusal('57014', 'timeout'), 'cancels statements', 'timeout (57014)'],
    [refusal('57P01', 'bye'), 'is shutting down', 'bye (57P01)'],
    [refusal('57P03', 'wait'), 'is starting or stopping', 'wait (57P03)'],
    [refusal('28P01', 'no password'), 'refuses', 'no password (28P01)'],
  ])('says %s in words, with time and code', (error, what, reason) => {
    expect(sentence(error)).toBe(`the database ${what} since 2026-11-30T06:00:00.000Z: ${reason}`);
  });

  it('tells each trouble once, the oldest first, until a statement passes', () => {
    const stalls = new Stalls();
    const [one, two, three] = [{}, {}, {}];
    stalls.report(one, troubleOf(refusal('53100', 'full')), AT + 2_000);
    stalls.report(two, troubleOf(refusal('53100', 'full')), AT + 1_000);
    stalls.report(three, troubleOf(new Error('gone')), AT + 3_000);
    // A trouble that changes its face is as old as it is.
    stalls.report(three, troubleOf(refusal('57P03', 'wait')), AT + 9_000);
    expect(stalls.sentences()).toEqual([
      'the database has no room left on its disk since 2026-11-30T06:00:01.000Z: full (53100)',
      'the database is starting or stopping since 2026-11-30T06:00:03.000Z: wait (57P03)',
    ]);
    for (const connection of [one, two, three]) stalls.clear(connection);
    expect(stalls.sentences()).toEqual([]);
  });

  it('logs a trouble that lasts, once, and when the database works again', () => {
    const lines: string[] = [];
    const note = (_: object, line: string) => void lines.push(line);
    let now = AT;
    const stalls = new Stalls({ info: note, warn: note }, () => now);
    const [one, two] = [{}, {}];
    const report = (connection: object) =>
      stalls.report(connection, troubleOf(new Error('gone')), now);
    report(one);
    stalls.clear(one);
    expect(lines).toEqual([]);
    report(one);
    report(two);
    now += 1_000;
    report(one);
    report(two);
    const stalled = 'The database cannot be reached since 2026-11-30T06:00:00.000Z: gone.';
    expect(lines).toEqual([stalled]);
    stalls.clear(one);
    now += 11_000;
    stalls.clear(two);
    expect(lines).toEqual([stalled, 'The database works again after 12 s.']);
  });

  it('does not say that the database works again when connections are only closed', () => {
    const lines: string[] = [];
    const note = (_: object, line: string) => void lines.push(line);
    const stalls = new Stalls({ info: note, warn: note }, () => AT + 1_000);
    const one = {};
    stalls.report(one, troubleOf(new Error('gone')), AT);
    stalls.forget(one);
    stalls.clear(one);
    expect(lines).toHaveLength(1);
  });
});
