/**
 * What the suites of the port ask of who answers it: a new journal for each test, and as many
 * processes on it as the test wants.
 */
import { describe } from 'vitest';
import type { RunRow } from './append.ts';
import type { Notification } from './notifications.ts';
import type { Journal } from './journal.ts';
import type { NodeLease } from './ownership.ts';
import { batch, eventRow, runId, startRow } from './rows.fixture.ts';

export interface Subject {
  /** The journal of one process. */
  readonly journal: Journal;
  /** The same journal, as one more process has it. */
  beside(): Promise<Journal>;
}
export type Open = () => Promise<Subject>;
export type Suite = (open: Open) => void;

/** The suite of a noun. */
export function suite(noun: string, tests: (open: Open) => void): Suite {
  return (open) => {
    describe(`suite of ${noun}`, () => {
      tests(open);
    });
  };
}

/** A process with the lease of a node. */
export interface Member {
  readonly journal: Journal;
  readonly lease: NodeLease;
}

export const LEASE_MS = 60_000;

export async function members(open: Open, ...names: string[]): Promise<readonly Member[]> {
  const subject = await open();
  const all: Member[] = [];
  for (const name of names) {
    const journal = all.length === 0 ? subject.journal : await subject.beside();
    all.push({ journal, lease: await journal.register(name, LEASE_MS, null) });
  }
  return all;
}

export async function alone(open: Open): Promise<Member> {
  return sure((await members(open, 'main'))[0]);
}

export async function pair(open: Open, one: string, other: string): Promise<[Member, Member]> {
  const [a, b] = await members(open, one, other);
  return [sure(a), sure(b)];
}

export function sure<T>(value: T | undefined | null): T {
  if (value === undefined || value === null) throw new Error('missing');
  return value;
}

/** Runs `first`, `first` + 1, …, each with one event. */
export async function start(
  { journal, lease }: Member,
  runs: readonly Partial<RunRow>[],
  first = 0,
): Promise<string[]> {
  const starts = runs.map((over, n) => startRow(runId(first + n), over));
  const events = starts.map((run) => eventRow(run.id, 0));
  const result = await journal.append(lease, batch({ starts, events }));
  if (result.kind !== 'committed') throw new Error(`the runs were not written: ${result.kind}`);
  return starts.map((run) => run.id);
}

/** All items of a list, in pages of one size. */
export async function pagesOf<T>(
  page: (after: string | null) => Promise<{ items: readonly T[]; next: string | null }>,
): Promise<T[]> {
  const all: T[] = [];
  for (let after: string | null = null; ; ) {
    const { items, next } = await page(after);
    all.push(...items);
    if (next === null) return all;
    after = next;
  }
}

/** Receives the notifications of a journal, from when none can be missed any more. */
export class Listener {
  readonly received: Notification[] = [];
  /** Receives no more. */
  readonly leave: () => void;
  #wake: () => void = () => {};

  private constructor(journal: Journal) {
    this.leave = journal.listen((notification) => {
      this.received.push(notification);
      this.#wake();
    });
  }

  static async at(journal: Journal): Promise<Listener> {
    const listener = new Listener(journal);
    await listener.until(() => listener.count('resync') === 1);
    listener.received.length = 0;
    return listener;
  }

  count(about: Notification['about']): number {
    return this.received.filter((notification) => notification.about === about).length;
  }

  /** Looks again with each notification. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
