/** Slots that are given back are never those of an attempt that goes on, whatever it is called. */
import { describe, expect, it } from 'vitest';
import type { SlotKey, Slots } from '../../journal/slots.ts';
import { quiet } from '../../tests/simulation/clock.ts';
import { Attempt, type LiveRun } from '../runs/live-run.ts';
import { Pools } from './pools.ts';
import { NodeIdentity } from '../node-identity.ts';

const LEASE = { node: 0, epoch: 1 };
const WANTED = { tape: 1 };
const LIMITS = { lane: 'world', pools: WANTED };

/** Slots of which each question waits until the test has it carried out. */
class Asked {
  readonly held = new Set<string>();
  /** Nothing is granted. */
  full = false;
  readonly questions: { readonly about: string; readonly carryOut: () => void }[] = [];

  readonly slots: Slots = {
    acquire: (_, wants) =>
      this.#ask('take', () => {
        const granted = wants.map((want) => !this.full && this.held.add(want.task) !== undefined);
        return { granted, pools: [] };
      }),
    release: (_, keys) => this.#ask('give', () => this.#drop(keys)),
    releaseOthers: (_, __, keys) =>
      this.#ask('keep', () => {
        const kept = new Set(keys.map(({ task }) => task));
        for (const task of this.held) if (!kept.has(task)) this.held.delete(task);
      }),
  };

  #drop(keys: readonly SlotKey[]): void {
    for (const { task } of keys) this.held.delete(task);
  }

  #ask<T>(about: string, work: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.questions.push({ about, carryOut: () => resolve(work()) });
    });
  }

  /** The next question is answered, and what follows from that happens. */
  async answer(about: string): Promise<void> {
    await quiet();
    const question = this.questions.shift();
    if (question?.about !== about) throw new Error(`${about}? ${question?.about} was asked`);
    question.carryOut();
    await quiet();
  }
}

function stage() {
  const asked = new Asked();
  const granted: Attempt[] = [];
  const pools = new Pools({
    slots: asked.slots,
    identity: new NodeIdentity(LEASE),
    granted: (attempt) => granted.push(attempt),
  });
  const definition = { tasks: [{ name: 'a', pools: WANTED }] };
  const run = { id: 'r1', busy: 0, attempts: [], state: { definition } } as unknown as LiveRun;
  const attempt = (task: string, node: number): Attempt => {
    const work = { kind: 'dispatch', node, task, attempt: 1 } as const;
    const made = new Attempt(run, work, LIMITS, 0);
    run.attempts[node] = made;
    return made;
  };
  return { asked, granted, pools, run, attempt };
}

describe('law 9, slots of attempts that have the same key', () => {
  it('an attempt that was dropped and is queued again is not granted what is still to be given back', async () => {
    const { asked, granted, pools, attempt } = stage();
    const [first, other] = [attempt('a', 0), attempt('b', 1)];
    pools.wait(first);
    await asked.answer('take');
    pools.wait(other);
    await asked.answer('take');
    pools.leave(other);
    // While that is given back the first is dropped (its run is held), and queued again (released).
    pools.leave(first);
    const again = attempt('a', 0);
    pools.wait(again);
    await asked.answer('give');
    await asked.answer('give');
    await asked.answer('take');
    expect(granted.at(-1)).toBe(again);
    expect([...asked.held]).toEqual(['a']);
    expect(asked.questions).toEqual([]);
  });

  it('who waits and goes away lets those behind it ask again', async () => {
    const { asked, pools, attempt } = stage();
    const [first, behind] = [attempt('a', 0), attempt('b', 1)];
    asked.full = true;
    pools.wait(first);
    await asked.answer('take');
    pools.wait(behind);
    await asked.answer('take');
    expect(asked.questions).toEqual([]);
    asked.full = false;
    pools.leave(first);
    await asked.answer('take');
    expect([...asked.held]).toEqual(['b']);
  });

  it('an attempt that goes on keeps its slots while its run is folded again', async () => {
    const { asked, pools, run, attempt } = stage();
    const [first, over] = [attempt('a', 0), attempt('b', 1)];
    pools.wait(first);
    pools.wait(over);
    await asked.answer('take');
    await asked.answer('take');
    pools.part(first);
    pools.part(over);
    expect([...asked.held].toSorted()).toEqual(['a', 'b']);
    // By the book one of them goes on, and the other does not.
    run.attempts.length = 0;
    pools.resume(attempt('a', 0));
    pools.adopted(run);
    await asked.answer('keep');
    expect([...asked.held]).toEqual(['a']);
    expect(asked.questions).toEqual([]);
  });

  it('a run that leaves memory before it was looked at gives back nothing of what goes on', async () => {
    const { asked, pools, run, attempt } = stage();
    const [first, other] = [attempt('a', 0), attempt('b', 1)];
    pools.resume(first);
    asked.held.add('a');
    pools.wait(other);
    pools.adopted(run);
    pools.part(first);
    await asked.answer('take');
    expect([...asked.held].toSorted()).toEqual(['a', 'b']);
    expect(asked.questions).toEqual([]);
  });
});
