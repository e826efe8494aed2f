import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeFolders } from '../journal/embedded/folders.ts';
import { isSystemRefusal, readGiven, systemRefusal } from './system-refusal.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-refusal-'));
  writeFileSync(join(folder, 'file'), '');
  symlinkSync('loop', join(folder, 'loop'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  ['none', 'it is not there (ENOENT)'],
  ['.', 'it is a folder, not a file (EISDIR)'],
  ['loop', 'lead in a circle'],
  ['file/below', 'a part of the path is not a folder (ENOTDIR)'],
  ['x'.repeat(300), 'the name is too long (ENAMETOOLONG)'],
])('a file that a person named and that cannot be read is answered in words: %s', (name, words) => {
  expect(() => readGiven(join(folder, name), 'it')).toThrow(words);
});

it('a folder that cannot be made names the call, the path, what is wrong and what to do', () => {
  let refused: unknown;
  try {
    makeFolders(join(folder, 'file', 'below', 'deep'));
  } catch (error) {
    refused = error;
  }
  if (!isSystemRefusal(refused)) throw new Error('the system refused nothing');
  const words = systemRefusal(refused);
  expect(words).toContain(`${folder}/file`);
  expect(words).toMatch(/a part of the path is not a folder \(ENOTDIR\)\. Look at the path\.$/);
});
