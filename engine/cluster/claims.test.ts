/** Which runs are taken over and when: by notifications, by the ends of leases, and as memory has room. */
import { expect, it } from 'vitest';
import { quiet, SimulatedClock } from '../../tests/simulation/clock.ts';
import type { Notification } from '../../journal/notifications.ts';
import { NodeIdentity } from '../node-identity.ts';
import type { Fact, Observer } from '../observer.ts';
import { Claims } from './claims.ts';
import { Judgement } from './judgement.ts';
import { Turns } from './waker.ts';

const LEASE_MS = 15_000;
const GRACE_MS = LEASE_MS;

function subject() {
  const clock = new SimulatedClock(0);
  const seen = { claims: 0, fenceAsked: 0, renewals: 0, changes: 0 };
  const facts: Fact[] = [];
  const troubles: string[] = [];
  /** How many were asked for each time, and which came into memory. */
  const limits: number[] = [];
  const loaded: string[] = [];
  const state = { expired: 0, fails: false, capacity: 1_000, orphans: [] as string[] };
  const judgement = new Judgement(LEASE_MS);
  judgement.registered(0);
  const observer: Pick<Observer, 'noted' | 'troubled'> = {
    noted: (fact) => void facts.push(fact),
    troubled: (what) => void troubles.push(what),
  };
  const claims = new Claims({
    journal: {
      fenceExpired: async () => {
        seen.fenceAsked += 1;
        if (state.fails) throw new Error('away');
        return state.expired;
      },
      claim: async (_lease, _now, limit) => {
        seen.claims += 1;
        limits.push(limit);
        return { runs: state.orphans.splice(0, limit), nextAt: null };
      },
    },
    identity: new NodeIdentity({ node: 1, epoch: 1 }),
    clock,
    memory: {
      loadAll: async (runs) => {
        loaded.push(...runs);
        return [];
      },
    },
    turns: new Turns(),
    capacity: () => state.capacity - loaded.length,
    judgement,
    observer: observer as Observer,
    renew: () => {
      seen.renewals += 1;
      judgement.renewed(clock.elapsed());
    },
  });
  claims.onOwnersChanged(() => (seen.changes += 1));
  return { clock, seen, facts, troubles, limits, loaded, state, judgement, claims };
}

const about = (what: 'orphans' | 'due' | 'resync' | 'feed' | 'slots'): Notification => ({
  about: what,
});

it('claims what lost its node or found no capacity, and tells who waits when owners changed', async () => {
  const { seen, claims } = subject();
  claims.notified(about('due'));
  await quiet();
  expect(seen).toMatchObject({ claims: 1, changes: 0 });
  claims.notified(about('orphans'));
  await quiet();
  expect(seen).toMatchObject({ claims: 2, changes: 1 });
  claims.notified(about('feed'));
  claims.notified(about('slots'));
  await quiet();
  expect(seen).toMatchObject({ claims: 2, changes: 1, fenceAsked: 0 });
});

it('brings what it claims into memory, in small pages, and says how many', async () => {
  const { facts, limits, loaded, state, claims } = subject();
  const runs = Array.from({ length: 250 }, (_, at) => `r${at}`);
  state.orphans = [...runs];
  claims.notified(about('orphans'));
  await quiet(20);
  expect(loaded).toEqual(runs);
  expect(limits).toEqual([200, 200]);
  expect(facts).toEqual([
    { is: 'claimed', runs: 200 },
    { is: 'claimed', runs: 50 },
  ]);
});

it('claims no more than memory has room for, and the rest when a run leaves it', async () => {
  const { limits, loaded, state, claims } = subject();
  state.capacity = 3;
  state.orphans = ['a', 'b', 'c', 'd'];
  claims.notified(about('orphans'));
  await quiet(20);
  expect([loaded, limits]).toEqual([['a', 'b', 'c'], [3]]);
  state.capacity = 4;
  claims.capacityFreed();
  await quiet(20);
  expect([loaded, limits]).toEqual([
    ['a', 'b', 'c', 'd'],
    [3, 1],
  ]);
});

it('checks everything when notifications may have been missed', async () => {
  const { seen, claims } = subject();
  claims.notified(about('resync'));
  await quiet();
  expect(seen).toMatchObject({ fenceAsked: 1, claims: 1, changes: 1 });
});

it('fences when the lease of another node has ended, says so, and learns of the next', async () => {
  const { clock, seen, facts, state, claims } = subject();
  state.expired = 2;
  claims.othersEndIn(4_000);
  await clock.advance(4_000);
  expect(seen.fenceAsked).toBe(0);
  await clock.advance(100);
  expect(seen).toEqual({ claims: 1, fenceAsked: 1, renewals: 1, changes: 1 });
  expect(facts).toEqual([{ is: 'fenced', nodes: 2 }]);
  expect(clock.waiting).toBe(0);
});

it('waits for the new end of a lease that was renewed', async () => {
  const { clock, seen, claims } = subject();
  claims.othersEndIn(4_000);
  await clock.advance(3_000);
  claims.othersEndIn(4_000);
  await clock.advance(3_900);
  expect(seen.fenceAsked).toBe(0);
  claims.othersEndIn(null);
  await clock.advance(60_000);
  expect(seen.fenceAsked).toBe(0);
});

it('does not judge while it could not renew in time itself, and waits until it may', async () => {
  const { clock, seen, state, judgement, claims } = subject();
  state.expired = 1;
  await clock.advance(LEASE_MS);
  await claims.checkAll();
  expect(seen.fenceAsked).toBe(0);
  judgement.renewed(clock.elapsed());
  claims.othersEndIn(1_000);
  for (let elapsed = 0; elapsed < GRACE_MS; elapsed += 5_000) {
    expect(seen.fenceAsked).toBe(0);
    await clock.advance(5_000);
    judgement.renewed(clock.elapsed());
  }
  await clock.advance(100);
  expect(seen.fenceAsked).toBe(1);
});

it('says when it could not fence, and renews, to learn when to try again', async () => {
  const { clock, seen, troubles, facts, state, claims } = subject();
  state.fails = true;
  claims.othersEndIn(1_000);
  await clock.advance(1_100);
  expect(troubles).toEqual(['fencing nodes whose lease has ended']);
  expect(facts).toEqual([]);
  expect(seen).toMatchObject({ claims: 0, renewals: 1 });
});

it('stops: whoever waits is told once more, and nothing follows', async () => {
  const { clock, seen, claims } = subject();
  claims.othersEndIn(1_000);
  claims.notified(about('due'));
  claims.stop();
  expect(seen.changes).toBe(1);
  claims.notified(about('orphans'));
  claims.othersEndIn(1_000);
  await clock.advance(60_000);
  expect(seen).toEqual({ claims: 0, fenceAsked: 0, renewals: 0, changes: 1 });
  expect(clock.waiting).toBe(0);
});
