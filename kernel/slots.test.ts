import { expect, it } from 'vitest';
import { grant } from './slots.ts';

const want = (slots: Record<string, number>, held = false) => ({ slots, held });
const db = (used: number) => new Map([['db', { used, capacity: 3 }]]);

it('grants who comes first; nobody overtakes one who waits for the same pool', () => {
  const wants = [want({ db: 2 }), want({ db: 2 }), want({ db: 1 })];
  expect(grant(wants, db(0))).toEqual([true, false, false]);
});

it('serves those who want another pool beside one who waits', () => {
  const pools = new Map([...db(3), ['tape', { used: 0, capacity: 1 }]]);
  const wants = [want({ db: 1, tape: 1 }), want({ tape: 1 }), want({ db: 1 })];
  // The first one waits for db alone: it takes nothing of tape, and blocks nothing of it.
  expect(grant(wants, pools)).toEqual([false, true, false]);
});

it('grants who holds them already, also when nothing is left', () => {
  expect(grant([want({ db: 1 }, true)], db(3))).toEqual([true]);
});

it('grants nothing to who wants more than there is, and serves those behind', () => {
  const wants = [want({ db: 4 }), want({ db: 2 }), want({ db: 1 })];
  expect(grant(wants, db(0))).toEqual([false, true, true]);
});

it('grants nothing of a pool that nobody declares', () => {
  const none = new Map([['db', { used: 0, capacity: null }]]);
  expect(grant([want({ db: 1 })], none)).toEqual([false]);
  expect(grant([want({ db: 1 })], new Map())).toEqual([false]);
});

it('leaves what it was given as it was', () => {
  const pools = db(0);
  grant([want({ db: 2 })], pools);
  expect(pools).toEqual(db(0));
});
