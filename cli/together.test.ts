/** Files that are given at once count together: in what order they are deployed, and what is said of them. */
import { describe, expect, it } from 'vitest';
import { besideEachOther, inOrder, notesOn } from './together.ts';

const file = (source: string) => ({ source });
const PARENT = file('workflow: parent\ntasks: { t: { workflow: child } }');
const CHILD = file('workflow: child\ntasks: { t: { action: a.b, pool: licence } }');
const POOL = file('pool: licence\nslots: 1');

describe('files that are given at once', () => {
  it('are deployed pools first, and whoever is run before whoever runs it', () => {
    expect(inOrder([PARENT, POOL, CHILD])).toEqual([POOL, CHILD, PARENT]);
  });

  it('are told where they run each other', async () => {
    const back = file('workflow: child\ntasks: { t: { workflow: parent } }');
    const found = await besideEachOther([PARENT, back, POOL]);
    expect([...found.keys()]).toEqual([PARENT, back]);
    expect(await besideEachOther([PARENT, CHILD])).toEqual(new Map());
  });

  it('are told which pools are in none of them, and which several declare', () => {
    expect(notesOn([CHILD, POOL]).get(CHILD)).toEqual([]);
    expect(notesOn([CHILD]).get(CHILD)).toEqual([expect.stringContaining('shared pool "licence"')]);
    const own = (name: string) =>
      file(`workflow: ${name}\npools: { dock: 1 }\ntasks: { t: { action: a.b, pool: dock } }`);
    const [a, b] = [own('a'), own('b')];
    expect(notesOn([a, b]).get(a)).toEqual([
      expect.stringContaining('pool "dock" of its own: a, b'),
    ]);
    expect(notesOn([a]).get(a)).toEqual([]);
  });
});
