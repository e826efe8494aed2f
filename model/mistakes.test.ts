import { expect, it, vi } from 'vitest';
import { HINTS_SOUGHT, MISTAKES_SHOWN, Mistakes } from './mistakes.ts';

it('keeps what anybody reads, counts the rest, and searches hints for the first', () => {
  const mistakes = new Mistakes();
  const hint = vi.fn<() => string>(() => 'did you mean "x"?');
  for (let at = 0; at < MISTAKES_SHOWN + 5; at += 1) {
    mistakes.report({ code: 'task.unknown', message: `mistake ${at}`, path: [at], hint });
  }
  const all = mistakes.all();
  expect(all).toHaveLength(MISTAKES_SHOWN + 1);
  expect(all.at(-1)?.message).toBe('there are 5 more errors');
  expect(hint).toHaveBeenCalledTimes(HINTS_SOUGHT);
  expect(all.filter((one) => one.hint !== undefined)).toHaveLength(HINTS_SOUGHT);
});

it('keeps a hint that costs nothing, for each', () => {
  const mistakes = new Mistakes();
  for (let at = 0; at < HINTS_SOUGHT + 5; at += 1) {
    mistakes.report({ code: 'x', message: 'x', path: [], hint: 'a sentence' });
  }
  expect(mistakes.all().every(({ hint }) => hint === 'a sentence')).toBe(true);
});
