import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeFolders } from '../journal/embedded/disk.ts';
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
  expect(words).toMatch(/a part of the path is not a folder \(ENOTDIR\)\. Check the path\.$/);
});

it.each(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EMFILE', 'EIO', 'ESTALE', 'ENOTEMPTY'])(
  '%s is one sentence of what is wrong and one of what to do',
  (code) => {
    const refused = Object.assign(new Error('raw'), { code, syscall: 'open', path: '/a/b' });
    expect(systemRefusal(refused)).toMatch(
      new RegExp(`^The system refused open /a/b: [^.]+ \\(${code}\\)\\. [^.]+( -\\w)?\\.$`),
    );
  },
);

it('a file that cannot be put in place is known by its place, not by its draft', () => {
  const paths = { path: '/a/draft.17', dest: '/a/node' };
  const refused = Object.assign(new Error('raw'), { code: 'EISDIR', syscall: 'rename', ...paths });
  expect(systemRefusal(refused)).toContain('rename /a/node: it is a folder');
});
