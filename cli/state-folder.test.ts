import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stateFolderStalls } from './state-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-state-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the state folder', () => {
  it('stalls nothing while it can be written, and keeps no probe', async () => {
    expect(await stateFolderStalls(folder)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('stalls nothing when it is gone: it is made again, as by a job', async () => {
    const gone = join(folder, 'gone', 'state');
    expect(await stateFolderStalls(gone)).toEqual([]);
    expect(readdirSync(gone)).toEqual([]);
  });

  it('stalls shell jobs when it is no folder', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(await stateFolderStalls(file)).toEqual([
      `no shell job can start: the state folder ${file} cannot be written: a file stands in its place or above it`,
    ]);
  });
});
