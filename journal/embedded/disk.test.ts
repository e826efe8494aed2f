import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFolders, readFile, writeFile } from './disk.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-disk-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('makes what is missing, and leaves what is there', () => {
  const deep = join(folder, 'a', 'b', 'c');
  makeFolders(deep, 0o700);
  makeFolders(deep, 0o755);
  expect(statSync(deep).mode & 0o777).toBe(0o700);
});

it('names what stands in the way', () => {
  writeFileSync(join(folder, 'file'), '');
  expect(() => makeFolders(join(folder, 'file', 'a', 'b'))).toThrow(`'${folder}/file/a'`);
});

// In a process that can be ended: what never comes back would hold this one, too.
it.each(['/proc/nothing', '/proc/nothing/deep/below'])('comes back from %s', (path) => {
  const code = `
    const { makeFolders } = await import(${JSON.stringify(import.meta.resolve('./disk.ts'))});
    try { makeFolders(${JSON.stringify(path)}) } catch (error) { console.log(error.syscall) }
  `;
  const tsx = ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', code];
  const { stdout } = spawnSync(process.execPath, tsx, {
    encoding: 'utf8',
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  expect(stdout.trim()).toBe('mkdir');
});

it('says of what file it is that an open file is refused', () => {
  expect(() => readFile(folder)).toThrow(
    expect.objectContaining({ code: 'EISDIR', path: folder }) as Error,
  );
  const full = existsSync('/dev/full') ? '/dev/full' : folder;
  expect(() => writeFile(full, 'x', {})).toThrow(expect.objectContaining({ path: full }) as Error);
});
