/**
 * Prose that the law can check: the map names rooms and files that are there, every law
 * of the engine names a test that exists, no link leads nowhere, and links lead to every page.
 */
import { posix } from 'node:path';
import type { Violation } from './source.ts';

const MAP = 'ARCHITECTURE.md';
const FRONT_PAGE = 'README.md';

/** Rooms that the map describes: headings of the form "### `model/` names". */
export function roomsOnMap(map: string): string[] {
  return [...map.matchAll(/^### `([a-z]+)\/`/gm)].map((hit) => hit[1] ?? '');
}

export function mapViolations(map: string, files: readonly string[]): Violation[] {
  const there = new Set(
    files.filter((path) => path.includes('/')).map((path) => path.split('/')[0]),
  );
  const drawn = new Set(roomsOnMap(map));
  const because = 'a map that is wrong is worse than none.';
  return [
    ...[...there]
      .filter((room) => !drawn.has(room ?? ''))
      .map((room) => ({ path: MAP, line: 1, what: `does not describe ${room}/`, because })),
    ...[...drawn]
      .filter((room) => !there.has(room))
      .map((room) => ({ path: MAP, line: 1, what: `describes ${room}/, not there`, because })),
  ];
}

/** Code files that the map names, by their path or the end of it. */
export function lostPlaces(map: string, files: readonly string[]): Violation[] {
  const named = [...map.matchAll(/`([\w./-]+\.ts)`/g)];
  const because = 'a map that sends its reader nowhere is worse than none.';
  return named
    .filter(([, name = '']) => !files.some((path) => `/${path}`.endsWith(`/${name}`)))
    .map(({ index, 1: name }) => ({
      path: MAP,
      line: map.slice(0, index).split('\n').length,
      what: `names ${name}, which is not there`,
      because,
    }));
}

/** Rows of the table of laws: `| 1 | One door | … | `engine/door.test.ts` |`. */
export function lawViolations(map: string, files: readonly string[]): Violation[] {
  const rows = [...map.matchAll(/^\| (\d+) \|(.*)\|$/gm)];
  const because = 'an invariant without a test that names it is a wish.';
  const found: Violation[] = [];
  for (let law = 1; law <= 12; law += 1) {
    const row = rows.find((hit) => Number(hit[1]) === law)?.[2] ?? '';
    const tests = [...row.matchAll(/`([\w./-]+\.test\.ts)`/g)].map((hit) => hit[1] ?? '');
    const missing = tests.filter((test) => !files.includes(test));
    if (tests.length === 0) missing.push('a test');
    for (const test of missing) {
      found.push({ path: MAP, line: 1, what: `law ${law} lacks ${test}`, because });
    }
  }
  return found;
}

/** Relative links in a page that lead to no file and no folder. */
export function linkViolations(page: string, text: string, files: readonly string[]): Violation[] {
  const places = new Set(files.flatMap((path) => [path, ...foldersOf(path)]));
  return linksOf(text)
    .filter(({ link }) => {
      const target = placeOf(page, link);
      return target !== '.' && !places.has(target);
    })
    .map(({ link, offset }) => ({
      path: page,
      line: text.slice(0, offset).split('\n').length,
      what: `links to ${link}, which is not there`,
      because: 'a reader who is sent nowhere stops reading.',
    }));
}

/** Pages that cannot be reached from README.md by links between pages. */
export function unlinkedPages(texts: ReadonlyMap<string, string>): Violation[] {
  const reached = new Set<string>([FRONT_PAGE]);
  for (const page of reached) {
    for (const { link } of linksOf(texts.get(page) ?? '')) {
      const target = placeOf(page, link);
      if (texts.has(target)) reached.add(target);
    }
  }
  return [...texts.keys()]
    .filter((page) => !reached.has(page))
    .map((path) => ({
      path,
      line: 1,
      what: `cannot be reached from ${FRONT_PAGE} by links`,
      because: 'a page that no page links is found by no reader.',
    }));
}

function linksOf(text: string): { link: string; offset: number }[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((hit) => ({ link: (hit[1] ?? '').replace(/#.*$/, ''), offset: hit.index }))
    .filter(({ link }) => link !== '' && !/^[a-z]+:/.test(link));
}

function placeOf(page: string, link: string): string {
  return posix.normalize(posix.join(posix.dirname(page), link)).replace(/\/$/, '');
}

function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}
