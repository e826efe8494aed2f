/** Who fences, who claims and who is told, by notifications and by the ends of leases. */
import { expect, it } from 'vitest';
import { quiet, SimulatedClock } from '../../tests/simulation/clock.ts';
import type { Notification } from '../../journal/notifications.ts';
import { NodeIdentity } from '../node-identity.ts';
import type { Fact, Observer } from '../observer.ts';
import { Claims } from './claims.ts';
import { Judgement } from './judgement.ts';
import type { Waker } from './waker.ts';

const LEASE_MS = 15_000;
const GRACE_MS = LEASE_MS;

function subject() {
  const clock = new SimulatedClock(0);
  const seen = { checks: 0, fenceAsked: 0, renewals: 0, changes: 0 };
  const facts: Fact[] = [];
  const troubles: string[] = [];
  const state = { expired: 0, fails: false };
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
    },
    identity: new NodeIdentity({ node: 1, epoch: 1 }),
    clock,
    waker: { check: () => void (seen.checks += 1) } as Waker,
    judgement,
    observer: observer as Observer,
    renew: () => {
      seen.renewals += 1;
      judgement.renewed(clock.elapsed());
    },
  });
  claims.onOwnersChanged(() => (seen.changes += 1));
  return { clock, seen, facts, troubles, state, judgement, claims };
}

const about = (what: 'orphans' | 'due' | 'resync' | 'feed' | 'slots'): Notification => ({
  about: what,
});

it('claims what lost its node or found no capacity, and tells who waits when owners changed', () => {
  const { seen, claims } = subject();
  claims.notified(about('due'));
  expect(seen).toMatchObject({ checks: 1, changes: 0 });
  claims.notified(about('orphans'));
  expect(seen).toMatchObject({ checks: 2, changes: 1 });
  claims.notified(about('feed'));
  claims.notified(about('slots'));
  expect(seen).toMatchObject({ checks: 2, changes: 1, fenceAsked: 0 });
});

it('checks everything when notifications may have been missed', async () => {
  const { seen, claims } = subject();
  claims.notified(about('resync'));
  await quiet();
  expect(seen).toMatchObject({ fenceAsked: 1, checks: 1, changes: 1 });
});

it('fences when the lease of another node has ended, says so, and learns of the next', async () => {
  const { clock, seen, facts, state, claims } = subject();
  state.expired = 2;
  claims.othersEndIn(4_000);
  await clock.advance(4_000);
  expect(seen.fenceAsked).toBe(0);
  await clock.advance(100);
  expect(seen).toEqual({ checks: 1, fenceAsked: 1, renewals: 1, changes: 1 });
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
  expect(seen).toMatchObject({ checks: 0, renewals: 1 });
});

it('stops: whoever waits is told once more, and nothing follows', async () => {
  const { clock, seen, claims } = subject();
  claims.othersEndIn(1_000);
  claims.stop();
  expect(seen.changes).toBe(1);
  claims.notified(about('orphans'));
  claims.othersEndIn(1_000);
  await clock.advance(60_000);
  expect(seen).toEqual({ checks: 0, fenceAsked: 0, renewals: 0, changes: 1 });
  expect(clock.waiting).toBe(0);
});
