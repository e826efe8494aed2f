/** Versions are fetched once and shared; a deployment is seen by the next start. */
import { describe, expect, it } from 'vitest';
import type { Journal } from '../../journal/journal.ts';
import type { VersionRow } from '../../journal/versions.ts';
import type { Definition } from '../../model/definition.ts';
import type { Clock } from '../clock.ts';
import { Versions } from './versions.ts';

const by = { actor: 'test' };
const clock = { soon: setImmediate } as unknown as Clock;

function stored(version: number): VersionRow {
  const definition: Definition = { name: 'w', inputs: {}, tasks: [], edges: [], pools: {} };
  return { workflow: 'w', version, definition, source: '', directory: '', deployedAt: 0, by };
}

/** A journal that answers when the test says so. */
function slow(): { journal: Journal; asked: ((row: VersionRow) => void)[] } {
  const asked: ((row: VersionRow) => void)[] = [];
  const version = () => new Promise<VersionRow>((resolve) => asked.push(resolve));
  return { journal: { version } as unknown as Journal, asked };
}

describe('versions', () => {
  it('are asked for once, however many want them at once', async () => {
    const { journal, asked } = slow();
    const versions = new Versions(journal, clock);
    const wanted = [versions.get('w', null), versions.get('w', null), versions.get('w', null)];
    expect(asked).toHaveLength(1);
    asked[0]?.(stored(1));
    const rows = await Promise.all(wanted);
    expect(new Set(rows.map((row) => row?.definition)).size).toBe(1);
    await versions.get('w', null);
    expect(asked).toHaveLength(1);
  });

  it('that were not asked for lately are fetched again, the newest too', async () => {
    let fetched = 0;
    const version = async (workflow: string) => {
      fetched += 1;
      return { ...stored(1), workflow };
    };
    const versions = new Versions({ version } as unknown as Journal, clock, 4);
    const names = ['a', 'b', 'c', 'd', 'e', 'a', 'f', 'b'];
    for (const name of names) {
      const row = await versions.get(name, null);
      expect(versions.prepared(name, row?.version ?? 0).graph.definition.name).toBe('w');
    }
    // Of the second round `a` and `b` had gone.
    expect(fetched).toBe(8);
    await versions.get('f', null);
    await versions.get('b', 1);
    expect(fetched).toBe(8);
  });

  it('that were being fetched during a deployment are not taken for the newest', async () => {
    const { journal, asked } = slow();
    const versions = new Versions(journal, clock);
    const before = versions.get('w', null);
    versions.forget('w');
    asked[0]?.(stored(1));
    expect((await before)?.version).toBe(1);
    const after = versions.get('w', null);
    expect(asked).toHaveLength(2);
    asked[1]?.(stored(2));
    expect((await after)?.version).toBe(2);
  });
});
