import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataFolder, dataFolderOf } from './data-folder.ts';

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
const lockOf = (holder: object) => writeFileSync(join(path, 'server.lock'), JSON.stringify(holder));

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
    expect(folder.holder()?.pid).toBe(process.pid);
    folder.unlock();
    expect(new DataFolder(path).lock()).toBe(true);
  });

  it('takes the lock of a dead process over, and leaves no litter', () => {
    lockOf({ pid: deadProcess(), startedAt: '1', host: hostname() });
    expect(folder.holder()).toBeNull();
    expect(folder.lock()).toBe(true);
    expect(readdirSync(path).toSorted()).toEqual(['attempts', 'server.lock']);
  });

  it('knows a process id that is used again', () => {
    lockOf({ pid: process.pid, startedAt: 'another time', host: hostname() });
    expect(folder.lock()).toBe(true);
  });

  it('believes a lock of another machine', () => {
    lockOf({ pid: deadProcess(), startedAt: '', host: `not-${hostname()}` });
    expect(folder.lock()).toBe(false);
  });

  it('takes a lock over that cannot be read', () => {
    writeFileSync(join(path, 'server.lock'), '{"pid":');
    expect(folder.lock()).toBe(true);
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
