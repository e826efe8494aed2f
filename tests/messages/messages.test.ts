/** The page of all messages is current: who changes one reads it there, beside its neighbours. */
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { idiomsIn } from '../house/idioms.ts';
import { listFiles, readSources, ROOT } from '../house/source.ts';
import { messagesOf, pageOf } from './messages.ts';

/** The map may speak of the house, and the page of style quotes what it refuses. Decisions are kept as they were made. */
const isDrawing = (path: string): boolean =>
  /^(?:ARCHITECTURE|STYLE)\.md$|^docs\/decisions\//.test(path);
it('says every message in plain words: who does what, without idioms', () => {
  expect(idiomsIn(pageOf(readSources().flatMap(messagesOf)))).toEqual([]);
});

it('says every page in plain words', () => {
  const pages = listFiles().filter((path) => path.endsWith('.md') && !isDrawing(path));
  expect(pages.length).toBeGreaterThan(20);
  const found = pages.flatMap((path) =>
    idiomsIn(readFileSync(join(ROOT, path), 'utf8')).map(({ said }) => `${path}: ${said}`),
  );
  expect(found).toEqual([]);
});

it('prints every message into one page', async () => {
  await expect(pageOf(readSources().flatMap(messagesOf))).toMatchFileSnapshot('messages.txt');
});
