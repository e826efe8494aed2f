import { expect, it } from 'vitest';
import type { Journal } from '../../journal/journal.ts';
import type { NodeLease } from '../../journal/ownership.ts';
import { TuttiError } from '../../model/errors.ts';
import type { Clock } from '../clock.ts';
import type { RetentionRequest } from '../door.ts';
import { Lifecycle } from '../lifecycle.ts';
import { NodeIdentity } from '../node-identity.ts';
import type { Fact, Observer } from '../observer.ts';
import { RetentionHandler } from './retentions.ts';

const LEASE: NodeLease = { node: 1, epoch: 1 };

interface Trial {
  readonly retention: RetentionHandler;
  /** What the observer heard. */
  readonly facts: Fact[];
  readonly troubles: string[];
  readonly failures: string[];
  readonly rests: number[];
  readonly gone: string[];
  /** Resolves when nothing is worked on any more. */
  readonly over: Promise<void>;
}

const request = (id: string): RetentionRequest => ({
  id,
  scope: { kind: 'runs', olderThanMs: 1 } as unknown as RetentionRequest['scope'],
  by: { actor: 'test' },
});

/** A portion takes as many milliseconds as its number; the last of them is given. */
function trial(portion: (n: number) => Promise<boolean>): Trial {
  const failures: string[] = [];
  const rests: number[] = [];
  const gone: string[] = [];
  const facts: Fact[] = [];
  const troubles: string[] = [];
  const observer: Pick<Observer, 'noted' | 'troubled'> = {
    noted: (fact) => void facts.push(fact),
    troubled: (what) => void troubles.push(what),
  };
  let elapsed = 0;
  let count = 0;
  let end: () => void = () => undefined;
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  const retentions = {
    create: async () => {},
    claim: async () => ['left'],
    portion: async () => {
      count += 1;
      elapsed += count * 10;
      const more = await portion(count);
      if (!more) end();
      return { more, gone: more ? [`run ${count}`] : [] };
    },
    fail: async (_id: string, failure: string) => {
      failures.push(failure);
      end();
    },
  };
  const clock = {
    now: () => 0,
    elapsed: () => elapsed,
    after: (ms: number, callback: () => void) => {
      rests.push(ms);
      callback();
      return () => undefined;
    },
  };
  const open = new Lifecycle();
  open.open();
  const retention = new RetentionHandler({
    journal: { retentions } as unknown as Journal,
    clock: clock as unknown as Clock,
    identity: new NodeIdentity(LEASE),
    gone: (runs) => gone.push(...runs),
    lifecycle: open,
    observer: observer as Observer,
  });
  return { retention, failures, rests, gone, facts, troubles, over };
}

it('takes up what was left, portion by portion, and rests for as long as it worked', async () => {
  const { retention, rests, over, failures, gone, facts } = trial(async (n) => n < 4);
  await retention.claim();
  await over;
  expect(rests).toEqual([10, 20, 30]);
  expect(gone).toEqual(['run 1', 'run 2', 'run 3']);
  await Promise.resolve();
  expect(facts).toEqual([
    { is: 'retention-begun', retention: 'left' },
    { is: 'retention-ended', retention: 'left', runs: 3 },
  ]);
  expect(failures).toEqual([]);
});

it('tells why it cannot go on', async () => {
  const { retention, over, failures, troubles } = trial(async (n) => {
    if (n === 2) throw new TuttiError('retention.archive', 'the disk is full');
    return true;
  });
  await retention.request(request('one'));
  await over;
  expect(failures).toEqual(['the disk is full']);
  expect(troubles).toEqual(['working off a retention']);
});

it('leaves it to the next node when this one stops', async () => {
  const { retention, failures, rests, over } = trial(async (n) => {
    if (n === 2) retention.stop();
    return n < 2;
  });
  await retention.request(request('one'));
  await over;
  await retention.request(request('another'));
  expect(rests).toHaveLength(1);
  expect(failures).toEqual([]);
});
