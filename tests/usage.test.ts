import { parseArgs } from 'node:util';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { orUsage } from './usage.ts';

const said = vi.spyOn(console, 'error');
beforeEach(() => said.mockImplementation(() => {}));
afterEach(() => said.mockReset());

const play = (...args: string[]) =>
  orUsage('npm run x', async () => {
    parseArgs({ args, options: { seed: { type: 'string' } } });
    return 7;
  });

it('answers what it does not know with the usage, and what it knows not at all', async () => {
  expect([await play('--seed', '1'), said.mock.calls]).toEqual([7, []]);
  expect([await play('--help'), said.mock.lastCall]).toEqual([0, ['npm run x']]);
  for (const wrong of ['--sed', 'seed', '--seed']) {
    expect(await play(wrong)).toBe(2);
    expect(said.mock.lastCall?.[0]).toMatch(/\nnpm run x$/);
  }
});

it('leaves other errors alone', async () => {
  await expect(orUsage('x', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
});
