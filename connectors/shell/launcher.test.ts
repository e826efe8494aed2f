/** The small process that starts jobs: there before the first of them asks. */
import { expect, it } from 'vitest';
import { shell } from './connector.ts';
import { starterPid } from './launcher.ts';

it('begins when the connector is prepared, and once', () => {
  expect(starterPid()).toBeUndefined();
  shell.prepare?.();
  const pid = starterPid();
  expect(pid).toBeGreaterThan(0);
  shell.prepare?.();
  expect(starterPid()).toBe(pid);
});
