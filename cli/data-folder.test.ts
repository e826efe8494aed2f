import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requires } from '../tests/requires.ts';
import { DataFolder, dataFolderOf, inUse, isShared } from './data-folder.ts';

let path: string;
let folder: DataFolder;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'tutti-data-'));
  folder = new DataFolder(path);
  folder.create();
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

function deadProcess(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}
const nameHolder = (holder: object) =>
  writeFileSync(join(path, 'server.lock'), JSON.stringify(holder));

const LOCK_SOURCE = new URL('../journal/embedded/pipe-lock.ts', import.meta.url).href;
/** Another process takes the lock and keeps it; says whether it could. `around`: what starts it. */
async function another(around: readonly string[] = []) {
  const code = `
    const { PipeLock } = await import(${JSON.stringify(LOCK_SOURCE)});
    console.log(new PipeLock(${JSON.stringify(path)}, 'server.lock').take() !== null);
    setInterval(() => {}, 1000);
  `;
  const node = [process.execPath, '--import', import.meta.resolve('tsx'), '--input-type=module'];
  const [program, ...args] = [...around, ...node, '-e', code];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  // Not its exit: what `unshare` has started goes a moment after it.
  const gone = once(child, 'close');
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), gone]);
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    child.stdout.resume();
    await gone;
  };
  return { took: line === 'true', kill };
}

/** The ways in which two containers of one machine that share a folder differ. */
const CONTAINERS = [
  ['--uts'],
  ['--pid', '--fork', '--kill-child', '--mount-proc'],
  ['--pid', '--ipc', '--uts', '--net', '--fork', '--kill-child', '--mount-proc'],
];
const MAY_UNSHARE =
  spawnSync('unshare', ['--pid', '--ipc', '--uts', '--net', '--fork', '--mount-proc', 'true'])
    .status === 0;

describe('the data folder', () => {
  it('is --data, else TUTTI_DATA, else .tutti here', () => {
    expect(dataFolderOf('d', { TUTTI_DATA: '/e' }, '/w')).toBe('/w/d');
    expect(dataFolderOf(undefined, { TUTTI_DATA: '/e' }, '/w')).toBe('/e');
    expect(dataFolderOf(undefined, { TUTTI_DATA: '' }, '/w')).toBe('/w/.tutti');
  });

  it('names the node once', () => {
    const name = folder.nodeName();
    expect(name).toMatch(/-[0-9a-f]{8}$/);
    expect(new DataFolder(path).nodeName()).toBe(name);
  });

  it('is served by one process at a time', () => {
    expect(folder.lock()).toBe(true);
    expect(new DataFolder(path).lock()).toBe(false);
    expect(folder.holder()?.name).toMatchObject({ pid: process.pid, host: hostname() });
    expect(inUse(folder).message).toContain(join(path, 'server.lock.0'));
    folder.unlock();
    expect(folder.holder()).toBeNull();
    const next = new DataFolder(path);
    expect(next.lock()).toBe(true);
    next.unlock();
  });

  it('is free when its holder was killed, and the killed leave no litter', async () => {
    for (let round = 0; round < 2; round += 1) {
      const other = await another();
      expect(other.took).toBe(true);
      expect(folder.lock()).toBe(false);
      await other.kill();
    }
    expect(folder.lock()).toBe(true);
    expect(readdirSync(path).toSorted()).toEqual(['attempts', 'server.lock', 'server.lock.2']);
    folder.unlock();
  });

  it('is held by nobody before it is there', () => {
    expect(new DataFolder(join(path, 'none')).holder()).toBeNull();
  });

  it('is got by one of many who ask at once', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => another()));
    expect(all.filter(({ took }) => took)).toHaveLength(1);
    await Promise.all(all.map(({ kill }) => kill()));
  });

  it('takes no word for a process: neither a name nor what cannot be read', () => {
    for (const name of [
      { pid: process.pid, host: hostname(), boot: 'another' },
      { pid: deadProcess(), host: `not-${hostname()}`, boot: '' },
      { pid: 'x' },
    ]) {
      nameHolder(name);
      expect(folder.holder()).toBeNull();
      expect(folder.lock()).toBe(true);
      folder.unlock();
    }
  });

  it('knows the file systems that other machines share', () => {
    const { type } = statfsSync(path);
    expect(isShared(type)).toBe(false);
    expect([0x6969, -11317950, 0xfe534d42].map(isShared)).toEqual([true, true, true]);
  });

  it('announces where it is served, and takes back only its own word', () => {
    folder.announce('http://127.0.0.1:7700');
    expect(folder.server()).toEqual({ pid: process.pid, url: 'http://127.0.0.1:7700' });
    folder.withdraw();
    expect(folder.server()).toBeNull();
    const other = { pid: deadProcess(), url: 'http://127.0.0.1:1' };
    writeFileSync(join(path, 'server.json'), JSON.stringify(other));
    folder.withdraw();
    expect(folder.server()).toEqual(other);
  });
});

requires(
  'unshare',
  MAY_UNSHARE,
  'root may make namespaces',
)('in another container', () => {
  it.each(CONTAINERS)('the folder is in use here and there: %s %s %s %s', async (...kinds) => {
    const there = await another(['unshare', ...kinds]);
    expect(there.took).toBe(true);
    expect(folder.lock()).toBe(false);
    await there.kill();
    expect(folder.lock()).toBe(true);
    const later = await another(['unshare', ...kinds]);
    expect(later.took).toBe(false);
    await later.kill();
    folder.unlock();
  });
});
