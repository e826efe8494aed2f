import { expect, it } from 'vitest';
import { CATALOGUE } from './errors.ts';
import { DOCUMENTS } from './errors/documents.ts';
import type { CatalogueEntry } from './errors/entry.ts';
import { EXIT } from './errors/exit.ts';
import { PROCESSES } from './errors/processes.ts';
import { REQUESTS } from './errors/requests.ts';
import { RUNS } from './errors/runs.ts';

const entries: readonly (readonly [string, CatalogueEntry])[] = Object.entries(CATALOGUE);
const wordOf = (code: string): string => code.replace(/\..*$/, '');

it('keeps all codes of one first word in one file, and no code twice', () => {
  const words = [DOCUMENTS, RUNS, REQUESTS, PROCESSES].map((file) => [
    ...new Set(Object.keys(file).map(wordOf)),
  ]);
  expect(words.flat().toSorted()).toEqual([...new Set(words.flat())].toSorted());
  expect(entries).toHaveLength(
    [DOCUMENTS, RUNS, REQUESTS, PROCESSES].flatMap((file) => Object.keys(file)).length,
  );
});

it('ends a command with bad input wherever the API says that what was asked is wrong', () => {
  const wrong = entries.filter(([, { status }]) => [400, 404, 413, 422].includes(status));
  expect(wrong.filter(([, { exit }]) => exit !== EXIT.badInput).map(([code]) => code)).toEqual([]);
});

it('ends a command with success for no error', () => {
  expect(entries.filter(([, { exit }]) => exit === EXIT.done)).toEqual([]);
});

it('says for every error what is wrong and what to do, each as a sentence', () => {
  const broken = entries.filter(
    ([, { title, next }]) => !/^[A-Z`].*[^.\s]$/.test(title) || !/^[A-Z`].*\.$/.test(next),
  );
  expect(broken.map(([code]) => code)).toEqual([]);
});
