/** A node whose loop is busy keeps its lease; one whose loop stands still for too long does not. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openTestbed, type Testbed } from '../testbed.ts';
import { SILENT } from '../../model/log.ts';
import { LeaseThread } from './lease-thread.ts';

const LEASE_MS = 1_500;

let bed: Testbed;
beforeAll(async () => {
  bed = await openTestbed();
}, 60_000);
afterAll(() => bed.close(), 60_000);

const threads: LeaseThread[] = [];
afterEach(async () => {
  await Promise.all(threads.splice(0).map((thread) => thread.stop()));
});

/** Nothing else happens on this thread, as in a long calculation. */
function calculate(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

async function node(limitMs?: number) {
  const { journal, connection } = await bed.journal();
  const lease = await journal.register('busy', LEASE_MS, null);
  const thread = new LeaseThread([{ name: 'test', connection }], lease, LEASE_MS, SILENT, limitMs);
  threads.push(thread);
  await thread.ready;
  expect(await journal.renew(lease, LEASE_MS)).toMatchObject({ kept: true });
  const alive = async (): Promise<boolean> => {
    const [row] = await journal.views.nodes();
    return row?.alive === true;
  };
  return { journal, lease, connection, alive };
}

describe('the lease of a node whose loop is busy', () => {
  it('lasts longer than the lease', async () => {
    const { journal, lease, alive } = await node();
    calculate(3 * LEASE_MS);
    expect(await alive()).toBe(true);
    expect(await journal.renew(lease, LEASE_MS)).toMatchObject({ kept: true });
  });

  it('ends when the loop stands still for too long', async () => {
    const { alive } = await node(LEASE_MS);
    calculate(4 * LEASE_MS);
    expect(await alive()).toBe(false);
  });

  it('is not renewed for a node that has resigned', async () => {
    const { journal, lease, alive } = await node();
    await journal.resign(lease);
    calculate(2 * LEASE_MS);
    expect(await alive()).toBe(false);
  });
});
