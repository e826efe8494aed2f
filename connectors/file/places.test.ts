/** Places that are not what they seem: links, modes, names, closed folders, endless walks. */
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { CallAction } from '../kit/index.ts';
import { file } from './connector.ts';
import { findFiles } from './glob.ts';

let root: string;
let directory: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'tutti-places-'));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  count += 1;
  directory = path.join(root, String(count));
  await mkdir(directory);
});

const at = (name: string) => path.join(directory, name);
const read = async (name: string) => await readFile(at(name), 'utf8');
const modeOf = async (name: string) => (await stat(at(name))).mode & 0o777;

async function run(name: string, given: object, signal = new AbortController().signal) {
  const action = file.actions.find((candidate) => candidate.name === `file.${name}`);
  const does = action?.does as CallAction<unknown, unknown, unknown>;
  const context = {
    key: `r1:t:${count}`,
    run: 'r1',
    task: 't',
    attempt: 1,
    config: {},
    directory,
    stateDirectory: path.join(root, 'state'),
    signal,
    log: () => {},
  };
  const input = action?.input.parse(given);
  return await does.call(context, input).catch((error: unknown) => error);
}

/** Every action that puts a file at `to`. */
const PLACING = {
  write: async (to: string) => await run('write', { path: to, text: 'new', overwrite: 'replace' }),
  copy: async (to: string) => {
    await writeFile(at('source'), 'new', { mode: 0o644 });
    return await run('copy', { from: 'source', to, overwrite: 'replace' });
  },
  move: async (to: string) => {
    await writeFile(at('source'), 'new', { mode: 0o644 });
    return await run('move', { from: 'source', to, overwrite: 'replace' });
  },
};
const ALL = Object.entries(PLACING);

test.each(ALL)('%s through a link writes the file behind it', async (_name, place) => {
  await mkdir(at('deep'));
  await writeFile(at('real'), 'old');
  await symlink('../second', at('deep/first'));
  await symlink('real', at('second'));
  await symlink('deep', at('linked'));
  expect(await place('linked/first')).toMatchObject({ result: 'done', path: at('real') });
  expect(await read('real')).toBe('new');
  expect((await lstat(at('deep/first'))).isSymbolicLink()).toBe(true);
  expect((await lstat(at('second'))).isSymbolicLink()).toBe(true);
});

test.each(ALL)(
  '%s through a link that leads to nothing yet makes the file',
  async (_name, place) => {
    await symlink('real', at('link'));
    expect(await place('link')).toMatchObject({ result: 'done' });
    expect(await read('real')).toBe('new');
  },
);

test.each(ALL)('%s keeps the mode of the file that it replaces', async (_name, place) => {
  for (const mode of [0o600, 0o640, 0o400, 0o666]) {
    await rm(at('target'), { force: true });
    await writeFile(at('target'), 'old');
    await chmod(at('target'), mode);
    expect(await place('target')).toMatchObject({ result: 'done' });
    expect([await read('target'), await modeOf('target')]).toEqual(['new', mode]);
  }
});

test.each(ALL)(
  '%s refuses a circle of links, a file as folder, and too long a name',
  async (_name, place) => {
    await symlink('b', at('a'));
    await symlink('a', at('b'));
    await writeFile(at('plain'), '');
    for (const to of ['a', 'plain/x', 'x'.repeat(256)]) {
      expect(await place(to)).toMatchObject({ class: 'rejected', code: 'file.system' });
    }
    expect(await place('.')).toMatchObject({ class: 'rejected', code: 'file.not-a-file' });
  },
);

test.each(ALL)('%s works with the longest name, of whatever characters', async (_name, place) => {
  for (const name of ['x'.repeat(255), `${'報'.repeat(84)}.ab`, `a\n$(x);'"\\ \u202e🙂`]) {
    expect(await place(name)).toMatchObject({ result: 'done' });
    expect(await read(name)).toBe('new');
  }
  expect((await readdir(directory)).filter((name) => name.includes('.part'))).toEqual([]);
});

test('the owner of the file that is replaced is kept', async () => {
  // Only root may give a file away; everybody else keeps what is theirs.
  const owner = process.getuid?.() === 0 ? 65534 : (process.getuid?.() ?? 0);
  const group = process.getuid?.() === 0 ? 65534 : (process.getgid?.() ?? 0);
  for (const [, place] of ALL) {
    await rm(at('target'), { force: true });
    await writeFile(at('target'), 'old');
    await chown(at('target'), owner, group);
    await chmod(at('target'), 0o660);
    expect(await place('target')).toMatchObject({ result: 'done' });
    expect(await stat(at('target'))).toMatchObject({ uid: owner, gid: group });
    expect(await modeOf('target')).toBe(0o660);
  }
});

test('a link is not moved: what it means elsewhere nobody knows', async () => {
  await writeFile(at('real'), 'x');
  await symlink('real', at('link'));
  expect(await run('move', { from: 'link', to: 'there' })).toMatchObject({
    class: 'rejected',
    code: 'file.not-a-file',
  });
  expect(await run('copy', { from: 'link', to: 'there' })).toMatchObject({ result: 'done' });
  expect(await run('checksum', { path: 'link' })).toMatchObject({ sizeBytes: 1 });
});

test.each(['a', 'plain/x.csv', 'plain/*.csv', 'plain/deeper/x', 'folder', 'y'.repeat(256)])(
  'waiting for %.20s ends at once: it can never come',
  async (name) => {
    await symlink('b', at('a'));
    await symlink('a', at('b'));
    await writeFile(at('plain'), '');
    await mkdir(at('folder'));
    expect(await run('wait', { path: name, timeout: '1h' })).toMatchObject({ class: 'rejected' });
    const checked = await run('checksum', { path: name.replace('*', 'x') });
    expect(checked).toMatchObject({ class: 'rejected' });
    expect(checked).not.toMatchObject({ code: 'file.missing' });
  },
);

test('a link in a circle does not hide the files beside it', async () => {
  await symlink('a.csv', at('a.csv'));
  await writeFile(at('b.csv'), 'x');
  await mkdir(at('c.csv'));
  const found = await run('wait', { path: '*.csv', stable: '0ms', timeout: '1h' });
  expect(found).toMatchObject({ count: 1, files: [{ path: at('b.csv') }] });
});

test('a time that no calendar has is a time', async () => {
  await writeFile(at('old'), 'x');
  await utimes(at('old'), 9_000_000_000_000, 9_000_000_000_000).catch(() => {});
  expect(await run('wait', { path: 'old', stable: '0ms' })).toMatchObject({ count: 1 });
});

test('a walk over the whole machine keeps to its time, and can be cancelled', async () => {
  const pattern = { path: '/**/there-is-no-such-file' };
  const late = await run('wait', { ...pattern, timeout: '50ms' });
  expect(late).toMatchObject({ class: 'timeout', code: 'file.timeout' });
  const abort = new AbortController();
  const waiting = run('wait', pattern, abort.signal);
  abort.abort();
  expect(await waiting).toMatchObject({ class: 'failed', code: 'file.cancelled' });
});

test('a walk stops at the very step at which it is told to', async () => {
  for (let each = 0; each < 5; each += 1)
    await mkdir(path.join(directory, `${each}`, 'x'), { recursive: true });
  let steps = 0;
  const walk = {
    check: () => {
      steps += 1;
      if (steps === 4) throw new Error('enough');
    },
    closed: (_folder: string, error: unknown) => {
      throw error;
    },
  };
  await expect(findFiles(`${directory}/**/y`, walk)).rejects.toThrow('enough');
  expect(steps).toBe(4);
});
