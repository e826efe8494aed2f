/** The contract, against real files. */
import {
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { conformance, type Counterpart } from '../kit/conformance.ts';
import type { ActionContext, CallAction } from '../kit/index.ts';
import { file } from './connector.ts';
import { matches } from './glob.ts';

const SHA = {
  hello: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
  empty: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
};

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'tutti-file-'));
  await put('hello', 'hello');
  await put('other', 'other');
});
afterAll(async () => await rm(directory, { recursive: true }));

const at = (name: string) => path.join(directory, name);
const read = async (name: string) => await readFile(at(name), 'utf8');
async function put(name: string, text: string): Promise<void> {
  await mkdir(path.dirname(at(name)), { recursive: true });
  await writeFile(at(name), text);
}

let keys = 0;
function contextOf(change: Partial<ActionContext> = {}): ActionContext {
  keys += 1;
  return {
    key: `r1:place:${keys}`,
    run: 'r1',
    task: 'place',
    attempt: 1,
    config: {},
    directory,
    stateDirectory: at('state'),
    signal: new AbortController().signal,
    log: () => {},
    ...change,
  };
}

async function run(name: string, given: unknown, context = contextOf()): Promise<unknown> {
  const action = file.actions.find((candidate) => candidate.name === `file.${name}`);
  const does = action?.does as CallAction<unknown, unknown, unknown>;
  const output = await does.call(context, action?.input.parse(given));
  return action?.output.parse(output);
}

async function open(): Promise<Counterpart> {
  return {
    config: {},
    get directory() {
      return directory;
    },
    get stateDirectory() {
      return at('state');
    },
    fresh: async () => file,
    close: async () => {},
  };
}

conformance(file, open, {
  calls: [
    {
      action: 'file.checksum',
      with: { path: 'hello' },
      output: { sizeBytes: 5, algorithm: 'sha256', checksum: SHA.hello },
    },
    {
      action: 'file.checksum',
      with: { path: 'hello', algorithm: 'md5', expect: '5D41402ABC4B2A76B9719D911017C592' },
      output: { checksum: '5d41402abc4b2a76b9719d911017c592' },
    },
    {
      action: 'file.copy',
      with: { from: 'hello', to: 'copies/hello' },
      output: { result: 'done', sizeBytes: 5, sha256: SHA.hello },
    },
    {
      action: 'file.write',
      with: { path: 'written.json', json: { a: [1] }, mode: '640' },
      output: { result: 'done', sizeBytes: 23 },
    },
    {
      action: 'file.wait',
      with: { path: 'hell?', stable: '0ms' },
      output: { count: 1, files: [{ sizeBytes: 5 }] },
    },
  ],
  endless: [
    { action: 'file.wait', with: { path: 'never' }, begun: async () => {} },
    { action: 'file.wait', with: { path: '/**/never-and-nowhere' }, begun: async () => {} },
  ],
  failures: [
    {
      title: 'a source that is not there',
      action: 'file.copy',
      with: { from: 'nothing', to: 'x' },
      class: 'rejected',
      code: 'file.missing',
    },
    {
      title: 'another file at the target',
      action: 'file.copy',
      with: { from: 'hello', to: 'other' },
      class: 'rejected',
      code: 'file.exists',
    },
    {
      title: 'a folder as source',
      action: 'file.copy',
      with: { from: '.', to: 'x' },
      class: 'rejected',
      code: 'file.not-a-file',
    },
    {
      title: 'a file where a folder is needed',
      action: 'file.write',
      with: { path: 'hello/x', text: '' },
      class: 'rejected',
      code: 'file.system',
    },
    {
      title: 'another checksum than expected',
      action: 'file.checksum',
      with: { path: 'hello', expect: SHA.empty },
      class: 'failed',
      code: 'file.checksum',
    },
    {
      title: 'a file that does not come',
      action: 'file.wait',
      with: { path: 'never', timeout: '10ms' },
      class: 'timeout',
      code: 'file.timeout',
    },
    {
      title: 'a source that was never moved by this key',
      action: 'file.move',
      with: { from: 'nothing', to: 'other' },
      class: 'rejected',
      code: 'file.missing',
    },
  ],
});

test('the same content is done already, whatever the policy', async () => {
  await put('same', 'hello');
  for (const overwrite of ['fail', 'skip', 'replace']) {
    expect(await run('copy', { from: 'hello', to: 'same', overwrite })).toMatchObject({
      result: 'already',
    });
  }
});

test('another file is kept by skip and replaced by replace; nothing is left beside it', async () => {
  await put('policy/target', 'mine');
  const way = { from: 'hello', to: 'policy/target' };
  expect(await run('copy', { ...way, overwrite: 'skip' })).toMatchObject({ result: 'skipped' });
  expect(await read('policy/target')).toBe('mine');
  expect(await run('copy', { ...way, overwrite: 'replace' })).toMatchObject({ result: 'done' });
  expect(await read('policy/target')).toBe('hello');
  expect(await readdir(at('policy'))).toEqual(['target']);
});

test('many copies to one new name: one is done, the others find it', async () => {
  const way = { from: 'hello', to: 'race/target' };
  const outputs = await Promise.all(Array.from({ length: 8 }, async () => await run('copy', way)));
  const results = outputs.map((output) => (output as { result: string }).result);
  expect(results.filter((result) => result === 'done')).toHaveLength(1);
  expect(results.filter((result) => result === 'already')).toHaveLength(7);
});

test('a move that is repeated under its key says what is true', async () => {
  await put('in/order', 'hello');
  const context = contextOf();
  const way = { from: 'in/order', to: 'done/order' };
  expect(await run('move', way, context)).toMatchObject({ result: 'done', sha256: SHA.hello });
  expect(await readdir(at('in'))).toEqual([]);
  expect(await run('move', way, context)).toMatchObject({ result: 'already', sha256: SHA.hello });
  await put('done/order', 'somebody changed it');
  await expect(run('move', way, context)).rejects.toMatchObject({ code: 'file.missing' });
  await put('done/order', 'hello');
  await expect(run('move', way)).rejects.toMatchObject({ code: 'file.missing' });
});

test('a move that was killed between link and removal is finished by the next', async () => {
  await put('cut/source', 'hello');
  await link(at('cut/source'), at('cut/target'));
  const way = { from: 'cut/source', to: 'cut/target' };
  expect(await run('move', way)).toMatchObject({ result: 'already' });
  expect(await readdir(at('cut'))).toEqual(['target']);
});

test('a move onto itself, by another name of its folder, keeps the file', async () => {
  await put('self/real/order', 'hello');
  await symlink(at('self/real'), at('self/alias'));
  const way = { from: 'self/real/order', to: 'self/alias/order', overwrite: 'replace' };
  expect(await run('move', way)).toMatchObject({ result: 'already' });
  expect(await read('self/real/order')).toBe('hello');
});

/** Another file system on Linux; elsewhere this moves within one. */
const FAR = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

test('a move to another file system copies, checks and removes', async () => {
  const far = await mkdtemp(path.join(FAR, 'tutti-file-'));
  await put('far/source', 'hello');
  const context = contextOf();
  const way = { from: 'far/source', to: path.join(far, 'target') };
  expect(await run('move', way, context)).toMatchObject({ result: 'done', sha256: SHA.hello });
  expect(await readFile(way.to, 'utf8')).toBe('hello');
  expect(await readdir(at('far'))).toEqual([]);
  expect(await readdir(far)).toEqual(['target']);
  expect(await run('move', way, context)).toMatchObject({ result: 'already' });
  await rm(far, { recursive: true });
});

test('a move does not replace another file unless told to', async () => {
  await put('keep/source', 'hello');
  await put('keep/target', 'mine');
  const way = { from: 'keep/source', to: 'keep/target' };
  await expect(run('move', way)).rejects.toMatchObject({ code: 'file.exists' });
  expect(await run('move', { ...way, overwrite: 'skip' })).toMatchObject({ result: 'skipped' });
  expect((await readdir(at('keep'))).toSorted()).toEqual(['source', 'target']);
  expect(await run('move', { ...way, overwrite: 'replace' })).toMatchObject({ result: 'done' });
  expect(await readdir(at('keep'))).toEqual(['target']);
  expect(await read('keep/target')).toBe('hello');
});

test('a written file has its mode, and a second writing changes nothing', async () => {
  const given = { path: 'mode/file', text: 'ü', mode: '600' };
  expect(await run('write', given)).toMatchObject({ result: 'done', sizeBytes: 2 });
  const before = await stat(at('mode/file'));
  expect(before.mode & 0o777).toBe(0o600);
  expect(await run('write', given)).toMatchObject({ result: 'already' });
  expect((await stat(at('mode/file'))).ino).toBe(before.ino);
  expect(await run('write', { ...given, mode: '640' })).toMatchObject({ result: 'done' });
  expect((await stat(at('mode/file'))).mode & 0o777).toBe(0o640);
  await expect(run('write', { ...given, text: 'x' })).rejects.toMatchObject({
    code: 'file.exists',
  });
});

test('waiting ends when enough files are there and stay as they are', async () => {
  const wait = { path: 'drop/**/order-*.csv', count: 2, stable: '30ms' };
  await mkdir(at('drop'));
  const waiting = run('wait', wait);
  await put('drop/order-1.csv', 'a');
  await put('drop/order-2.txt', 'not this one');
  await put('drop/order-1.csv', 'ab');
  await put('drop/deep/er/order-3.csv', 'abc');
  expect(await waiting).toMatchObject({
    count: 2,
    files: [
      { path: at('drop/deep/er/order-3.csv'), sizeBytes: 3 },
      { path: at('drop/order-1.csv'), sizeBytes: 2 },
    ],
  });
});

test('waiting ends when it is cancelled', async () => {
  const abort = new AbortController();
  const waiting = run('wait', { path: 'never' }, contextOf({ signal: abort.signal }));
  abort.abort();
  await expect(waiting).rejects.toMatchObject({ class: 'failed', code: 'file.cancelled' });
});

test.each([
  ['order.csv', '*.csv', true],
  ['order.csv', 'order.???', true],
  ['order.csv', '*', true],
  ['order.csv', 'o*r*.c*', true],
  ['order.csv', '*.tsv', false],
  ['order.csv', 'order', false],
  ['.hidden', '*', false],
  ['.hidden', '.h*', true],
  ['a*b', 'a*b', true],
  ['a'.repeat(5000), `${'a*'.repeat(50)}b`, false],
])('%.20s against %.20s: %s', (name, pattern, expected) => {
  expect(matches(name, pattern)).toBe(expected);
});

test('a folder that its file system does not make is refused at once', async () => {
  // Where there is no /proc, its absence is refused.
  await expect(run('write', { path: '/proc/nothing/deep/x', text: 'x' })).rejects.toMatchObject({
    name: 'ActionFailure',
  });
});

test('folders that many writers need at the same time are made once', async () => {
  const writers = Array.from({ length: 8 }, (_, index) => `many/a/b/c/${index}`);
  await Promise.all(
    writers.map(async (name) => await run('write', { path: at(name), text: name })),
  );
  expect(await readdir(at('many/a/b/c'))).toHaveLength(8);
});
