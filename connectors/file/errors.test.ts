/** Each error of the file system means what it says: only what can still come is waited for. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import type { CallAction } from '../kit/index.ts';
import { ACTIONS } from './connector.ts';

/** What the file system says of everything with `odd` in its name. */
let code: string | undefined;
const refuse = vi.hoisted(() => {
  return (at: unknown, said: () => string | undefined) => {
    const answer = said();
    if (answer === undefined || !String(at).includes('odd')) return;
    throw Object.assign(new Error(answer), { code: answer });
  };
});
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const odd = <Method extends (at: never, ...rest: never[]) => Promise<unknown>>(method: Method) =>
    (async (at: never, ...rest: never[]) => {
      refuse(at, () => code);
      return await method(at, ...rest);
    }) as unknown as Method;
  return {
    ...real,
    stat: odd(real.stat as never),
    lstat: odd(real.lstat as never),
    opendir: odd(real.opendir as never),
  };
});

const directory = mkdtempSync(path.join(tmpdir(), 'tutti-errors-'));
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => {
  code = undefined;
});

async function run(name: string, given: object): Promise<unknown> {
  const action = ACTIONS.find((candidate) => candidate.name === `file.${name}`);
  const does = action?.does as CallAction<unknown, unknown, unknown>;
  const context = {
    key: 'r1:t:1',
    run: 'r1',
    task: 't',
    attempt: 1,
    config: {},
    directory,
    stateDirectory: path.join(directory, 'state'),
    signal: new AbortController().signal,
    log: () => {},
  };
  return await does.call(context, action?.input.parse(given)).catch((error: unknown) => error);
}

const FINAL = [
  ['EACCES', 'auth'],
  ['EPERM', 'auth'],
  ['ELOOP', 'rejected'],
  ['ENOTDIR', 'rejected'],
  ['ENAMETOOLONG', 'rejected'],
  ['EINVAL', 'rejected'],
] as const;

test.each(FINAL)('%s ends every action as %s, with the word itself', async (said, kind) => {
  code = said;
  for (const [name, given] of [
    ['wait', { path: 'odd/x.csv', timeout: '1h' }],
    ['wait', { path: 'odd/*.csv', timeout: '1h' }],
    ['wait', { path: 'odd/**/x.csv', timeout: '1h' }],
    ['checksum', { path: 'odd' }],
    ['write', { path: 'odd', text: 'x', overwrite: 'replace' }],
    ['copy', { from: 'odd', to: 'x' }],
    ['copy', { from: 'x', to: 'odd' }],
    ['move', { from: 'odd', to: 'x' }],
    ['move', { from: 'x', to: 'odd' }],
  ] as const) {
    expect(await run(name, given)).toMatchObject({ class: kind, native: { error: said } });
  }
});

test.each(['ENOENT', 'ESTALE', 'EIO', 'ETIMEDOUT', 'EBUSY', 'EMFILE'])(
  'after %s it may still come',
  async (said) => {
    code = said;
    for (const name of ['odd/x.csv', 'odd/*.csv']) {
      const outcome = await run('wait', { path: name, timeout: '20ms' });
      expect(outcome).toMatchObject({ class: 'timeout', code: 'file.timeout' });
    }
  },
);

test('a closed folder that a wildcard finds is passed over, and named in the end', async () => {
  await run('write', { path: 'many/odd/x.csv', text: 'x' });
  await run('write', { path: 'many/even/y.csv', text: 'y' });
  code = 'EACCES';
  const found = await run('wait', { path: 'many/*/*.csv', stable: '0ms' });
  expect(found).toMatchObject({ count: 1 });
  const late = await run('wait', { path: 'many/*/*.csv', count: 2, timeout: '20ms' });
  expect(late).toMatchObject({ class: 'timeout' });
  expect(String(late)).toContain(path.join(directory, 'many/odd'));
});
