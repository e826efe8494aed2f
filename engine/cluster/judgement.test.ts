import { expect, it } from 'vitest';
import { Judgement } from './judgement.ts';

const LEASE_MS = 15_000;

function registeredAt(at: number, leaseMs: number): Judgement {
  const judgement = new Judgement(leaseMs);
  judgement.registered(at);
  return judgement;
}

it('lets a node judge that has just registered, and one that renews in time', () => {
  const judgement = registeredAt(1_000, LEASE_MS);
  expect(judgement.inMs(1_000)).toBe(0);
  for (let at = 6_000; at < 60_000; at += 5_000) {
    judgement.renewed(at);
    expect(judgement.inMs(at)).toBe(0);
  }
});

it('lets no node judge that could not renew in time, until it has done so for a while', () => {
  const judgement = registeredAt(0, LEASE_MS);
  judgement.renewed(10_000);
  expect(judgement.inMs(20_000)).toBe(0);
  // The database is away: also before the renewal that finds it again.
  expect(judgement.inMs(20_001)).toBe(15_000);
  judgement.renewed(30_000);
  expect(judgement.inMs(30_000)).toBe(15_000);
  judgement.renewed(35_000);
  expect(judgement.inMs(35_000)).toBe(10_000);
  judgement.renewed(40_000);
  judgement.renewed(45_000);
  expect(judgement.inMs(45_000)).toBe(0);
});

it('begins the wait again when the database goes away again', () => {
  const judgement = registeredAt(0, LEASE_MS);
  judgement.renewed(20_000);
  judgement.renewed(34_000);
  expect(judgement.inMs(34_000)).toBe(15_000);
});

it('waits for ten seconds at least, however short the lease is', () => {
  const judgement = registeredAt(0, 900);
  judgement.renewed(601);
  expect(judgement.inMs(601)).toBe(10_000);
});

it('lets no node judge that has not registered', () => {
  expect(new Judgement(LEASE_MS).inMs(0)).toBe(15_000);
});
