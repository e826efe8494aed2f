/**
 * The law of the house, read against every file of the repository. Its data is `house/rooms.ts`,
 * its chapters are the files of `house/`, and `house/law.test.ts` proves that each can fail.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { besideViolations } from './house/beside.ts';
import { importViolations } from './house/imports.ts';
import {
  folderViolations,
  leftoverViolations,
  nameViolations,
  storyViolations,
  switchViolations,
  testViolations,
} from './house/conventions.ts';
import { cycleViolations } from './house/cycles.ts';
import { GATE, gateViolations } from './house/gate.ts';
import { deadExports, doubleTypes, unusedPackages } from './house/exports.ts';
import { idiomViolations } from './house/idioms.ts';
import { subjectFault, subjectsOf } from './house/commits.ts';
import { entriesOf, orphanViolations } from './house/orphans.ts';
import { lockViolations } from './house/lock.ts';
import { memoryViolations } from './house/memories.ts';
import { metaphorViolations } from './house/metaphors.ts';
import {
  lawViolations,
  linkViolations,
  lostPlaces,
  mapViolations,
  unlinkedPages,
} from './house/prose.ts';
import { purityViolations } from './house/purity.ts';
import { OWN_PACKAGES, PORT, isWithin } from './house/rooms.ts';
import { sentinelViolations } from './house/sentinels.ts';
import { sizeViolations } from './house/sizes.ts';
import { ROOT, listFiles, readSources, show } from './house/source.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const manifest = read('package.json');
const names = z.record(z.string(), z.string()).default({});
const groups = z.object({
  dependencies: names,
  optionalDependencies: names,
  peerDependencies: names,
  devDependencies: names,
});
const packagesOf = (text: string) => groups.parse(JSON.parse(text));
const { devDependencies, peerDependencies } = packagesOf(manifest);
// An optional peer is a development dependency too, and shipped code may ask for it.
const development = new Set(
  Object.keys(devDependencies).filter((name) => !(name in peerDependencies)),
);

/** What the manifest that a file belongs to names. */
function declaredFor(path: string): ReadonlySet<string> {
  const own = OWN_PACKAGES.find((folder) => isWithin(path, folder));
  const packages = packagesOf(own === undefined ? manifest : read(`${own}/package.json`));
  return new Set(Object.values(packages).flatMap((group) => Object.keys(group)));
}

const files = listFiles();
const sources = readSources();

describe('the house', () => {
  it('has files to judge', () => {
    expect(sources.map((file) => file.path)).toContain('model/run.ts');
  });

  it('imports only up the list, and only what each room may', () => {
    expect(
      show(sources.flatMap((file) => importViolations(file, declaredFor(file.path), development))),
    ).toBe('');
  });

  it('steps runs at one gate', () => {
    expect(sources.map((file) => file.path)).toContain(GATE);
    expect(show(gateViolations(sources))).toBe('');
  });

  it('takes time, ids and chance as arguments', () => {
    expect(show(sources.flatMap(purityViolations))).toBe('');
  });

  it('remembers nothing in a module of the pure rooms', () => {
    expect(show(sources.flatMap(memoryViolations))).toBe('');
  });

  it('says absence by the type in language', () => {
    expect(show(sources.flatMap(sentinelViolations))).toBe('');
  });

  it('names files by their nouns', () => {
    expect(show(sources.flatMap(nameViolations))).toBe('');
  });

  it('tells the story of each file at its top', () => {
    expect(show(sources.flatMap(storyViolations))).toBe('');
  });

  it('names in comments the part itself, not its place in the drawing', () => {
    expect(show(sources.flatMap(metaphorViolations))).toBe('');
  });

  it('says comments in plain words', () => {
    expect(show(sources.flatMap(idiomViolations))).toBe('');
  });

  it('keeps the proof of parts of the engine beside them', () => {
    expect(show(besideViolations(files))).toBe('');
  });

  it('leaves no leftovers', () => {
    expect(show(sources.flatMap(leftoverViolations))).toBe('');
  });

  it('has complete switches', () => {
    expect(show(sources.flatMap(switchViolations))).toBe('');
  });

  it('makes folders level by level', () => {
    expect(show(sources.flatMap(folderViolations))).toBe('');
  });

  it('has tests that run and never wait for time', () => {
    expect(show(sources.flatMap(testViolations))).toBe('');
  });

  it('keeps functions, files and classes short', () => {
    expect(show(sizeViolations(sources))).toBe('');
  });

  it('exports nothing that no other file imports', () => {
    expect(show(deadExports(sources, entriesOf(manifest)))).toBe('');
  });

  it('exports no two types of one name', () => {
    expect(show(doubleTypes(sources))).toBe('');
  });

  it('imports in no circle', () => {
    expect(show(cycleViolations(sources))).toBe('');
  });

  it('uses every package that it declares', () => {
    const { scripts } = z.object({ scripts: names }).parse(JSON.parse(manifest));
    const declared = Object.values(packagesOf(manifest)).flatMap((group) => Object.keys(group));
    expect(unusedPackages(sources, declared, JSON.stringify(scripts))).toEqual([]);
  });

  it('has a suite beside each noun of the port, that every journal passes', () => {
    const nouns = files.filter((path) => PORT.test(path) && path !== 'journal/journal.ts');
    expect(nouns.length).toBeGreaterThan(12);
    const all = read('journal/conformance.suite.ts');
    for (const noun of nouns) {
      const name = noun.slice('journal/'.length, -'.ts'.length);
      expect(files).toContain(`journal/${name}.suite.ts`);
      expect(all).toContain(`${name}Suite(open);`);
    }
  });

  it('has no orphans', () => {
    expect(show(orphanViolations(sources, entriesOf(manifest)))).toBe('');
  });

  it('is drawn in ARCHITECTURE.md as it is', () => {
    expect(show(mapViolations(read('ARCHITECTURE.md'), files))).toBe('');
    expect(show(lostPlaces(read('ARCHITECTURE.md'), files))).toBe('');
  });

  it('proves each law of the engine by a test that ARCHITECTURE.md names', () => {
    expect(show(lawViolations(read('ARCHITECTURE.md'), files))).toBe('');
  });

  it('has a lock that installs on every platform', () => {
    const folders = ['', ...OWN_PACKAGES.map((folder) => `${folder}/`)];
    const locks = folders.map((folder) => read(`${folder}package-lock.json`));
    expect(show(locks.flatMap(lockViolations))).toBe('');
  });

  it('has no link that leads nowhere', () => {
    const pages = files.filter((path) => path.endsWith('.md'));
    expect(show(pages.flatMap((page) => linkViolations(page, read(page), files)))).toBe('');
  });

  it('has commits whose subjects say what to do', () => {
    expect(subjectsOf(ROOT).flatMap((subject) => subjectFault(subject) ?? [])).toEqual([]);
  });

  it('has no page that no page links', () => {
    const pages = files.filter((path) => path.endsWith('.md'));
    expect(show(unlinkedPages(new Map(pages.map((page) => [page, read(page)]))))).toBe('');
  });
});
