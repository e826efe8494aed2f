import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { forgetAttempts } from './attempt-folders.ts';

const RUN = '0199a000-0000-7000-8000-00000000000a';
const OTHER = '0199a000-0000-7000-8000-00000000000b';
const state = mkdtempSync(join(tmpdir(), 'tutti-state-'));
afterEach(() => rmSync(state, { recursive: true, force: true }));

it('takes the folders of runs that are deleted, and nothing else', async () => {
  const names = [`${RUN}.t.1.abc`, `${RUN}.t.2.abd`, `${OTHER}.t.1.abc`, 'something else'];
  for (const name of names) mkdirSync(join(state, 'shell', name, 'deep'), { recursive: true });
  await forgetAttempts(state, [RUN]);
  expect(readdirSync(join(state, 'shell')).toSorted()).toEqual(names.slice(2).toSorted());
  await forgetAttempts(join(state, 'nowhere'), [RUN]);
});
