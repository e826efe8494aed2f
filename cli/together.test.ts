/** Files that are given at once count together: in what order they are deployed, and what is said of them. */
import { describe, expect, it } from 'vitest';
import { Together } from './together.ts';

const file = (source: string) => ({ source });
const PARENT = file('workflow: parent\ntasks: { t: { workflow: child } }');
const CHILD = file('workflow: child\ntasks: { t: { action: a.b, pool: licence } }');
const POOL = file('pool: licence\nslots: 1');

describe('files that are given at once', () => {
  it('are deployed pools first, and whoever is run before whoever runs it', () => {
    expect(new Together([PARENT, POOL, CHILD]).inOrder()).toEqual([POOL, CHILD, PARENT]);
  });

  it('are told where they run each other', async () => {
    const back = file('workflow: child\ntasks: { t: { workflow: parent } }');
    const found = await new Together([PARENT, back, POOL]).issues();
    expect([...found.keys()]).toEqual([PARENT, back]);
    expect(await new Together([PARENT, CHILD]).issues()).toEqual(new Map());
  });

  it('are told which pools are in none of them, and which several declare', () => {
    expect(new Together([CHILD, POOL]).notes().get(CHILD)).toEqual([]);
    expect(new Together([CHILD]).notes().get(CHILD)).toEqual([
      expect.stringContaining('shared pool "licence"'),
    ]);
    const own = (name: string) =>
      file(`workflow: ${name}\npools: { dock: 1 }\ntasks: { t: { action: a.b, pool: dock } }`);
    const [a, b] = [own('a'), own('b')];
    expect(new Together([a, b]).notes().get(a)).toEqual([
      expect.stringContaining('pool "dock" of its own: a, b'),
    ]);
    expect(new Together([a]).notes().get(a)).toEqual([]);
  });
});
