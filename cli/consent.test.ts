import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requires } from '../tests/requires.ts';
import { askConsent } from './consent.ts';
import { DataFolder } from './data-folder.ts';
import { call, ListeningTerminal } from './terminal.fake.ts';

let path: string;
let folder: DataFolder;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'tutti-consent-'));
  folder = new DataFolder(join(path, 'data'));
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

function root(environment: Record<string, string> = {}, answer: string | null = null) {
  const terminal = new ListeningTerminal(path, environment);
  terminal.isRoot = true;
  terminal.answer = answer;
  return terminal;
}
const refused = expect.objectContaining({ code: 'root.not-allowed' }) as Error;

describe('running as root', () => {
  it('is nothing to ask of others', async () => {
    const terminal = new ListeningTerminal(path);
    await askConsent({}, terminal, folder);
    expect(terminal.asked).toEqual([]);
  });

  it('is refused where nobody can be asked, and nothing is made', async () => {
    await expect(askConsent({}, root(), folder)).rejects.toEqual(refused);
    await expect(askConsent({}, root({ TUTTI_ALLOW_ROOT: '0' }, 'no'), folder)).rejects.toEqual(
      refused,
    );
    await expect(askConsent({}, root({}, ''), folder)).rejects.toEqual(refused);
    expect(statSync(folder.path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('is allowed by the option or the environment', async () => {
    await askConsent({ allowRoot: true }, root(), folder);
    await askConsent({}, root({ TUTTI_ALLOW_ROOT: '1' }), folder);
    await expect(askConsent({}, root(), folder)).rejects.toEqual(refused);
  });

  it('stops serve and run before anything is started', async () => {
    writeFileSync(
      join(path, 'w.yaml'),
      'workflow: w\ntasks: { a: { action: shell.run, with: { script: ":" } } }\n',
    );
    for (const words of [
      ['serve', '--port', '0'],
      ['run', 'w.yaml'],
    ]) {
      const terminal = root();
      expect(await call(terminal, [...words, '--data', folder.path]).code).toBe(1);
      expect(terminal.complained).toContain('every script of every workflow');
      expect(terminal.complained).toContain('--allow-root');
      expect(statSync(folder.path, { throwIfNoEntry: false })).toBeUndefined();
    }
  });
});

const AS_ROOT = process.getuid?.() === 0;
requires(
  'root',
  AS_ROOT,
  'run the tests as root',
)('what root said at the terminal', () => {
  it('is asked once for a data folder', async () => {
    const first = root({}, 'y');
    await askConsent({}, first, folder);
    expect(first.asked).toHaveLength(1);
    const second = root();
    await askConsent({}, second, folder);
    expect(second.asked).toEqual([]);
  });

  it('is believed only of root', async () => {
    await askConsent({}, root({}, 'yes'), folder);
    const file = join(folder.path, 'allow-root');
    chmodSync(file, 0o666);
    await expect(askConsent({}, root(), folder)).rejects.toEqual(refused);
    chmodSync(file, 0o600);
    chownSync(file, 65_534, 65_534);
    await expect(askConsent({}, root(), folder)).rejects.toEqual(refused);
  });
});

describe('a data folder', () => {
  const open = expect.objectContaining({ code: 'data.open-to-others' }) as Error;

  it.each([0o777, 0o1777, 0o757, 0o702])('that others can write is refused: mode %o', (mode) => {
    folder.create();
    chmodSync(folder.path, mode);
    expect(() => folder.refuseOthers()).toThrow(open);
    expect(() => folder.create()).toThrow(open);
  });

  it('is refused by commands too, before they believe what stands there', async () => {
    folder.create();
    folder.announce('http://127.0.0.1:1');
    chmodSync(folder.path, 0o777);
    const terminal = new ListeningTerminal(path);
    expect(await call(terminal, ['runs', '--data', folder.path]).code).toBe(1);
    expect(terminal.complained).toContain('mode 777');
  });

  it('is closed when Tutti makes it, and so is every file in it, whatever the umask', () => {
    const module = new URL('./data-folder.ts', import.meta.url).href;
    const code = `
      process.umask(0);
      const { DataFolder, stateDirectoryIdOf } = await import(${JSON.stringify(module)});
      const folder = new DataFolder(${JSON.stringify(folder.path)});
      folder.create(); folder.lock(); folder.nodeName(); folder.announce('http://127.0.0.1:1');
      stateDirectoryIdOf(folder.stateDirectory);
    `;
    const node = ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', code];
    expect(spawnSync(process.execPath, node, { encoding: 'utf8' }).stderr).toBe('');
    const listed = spawnSync('find', [folder.path, '-perm', '/077'], { encoding: 'utf8' });
    expect(listed.stdout).toBe('');
    expect(readFileSync(join(folder.path, 'node'), 'utf8')).toMatch(/\n$/);
  });
});
