/**
 * The waits for news of runs: which there are, and what wakes them.
 *
 *   committed on this node ──► listeners to every commit (`onCommit`: streams)
 *                          ──► waits for that run: its end, its next event, its log
 *   logged on this node    ──► waits for that run's log
 *   another node has written (notification `feed`, `resync`)
 *                          ──► the journal is asked about each run that is waited for and not here
 *
 * Notifications are frequent and waits may be many, so asking is kept to a tenth of the
 * time: a round that took long makes the next one wait.
 */
import { Coalesced } from '../../model/coalesced.ts';
import { Wait, waitFor } from '../../model/wait-for.ts';
import type { Clock } from '../clock.ts';
import type { News } from '../door.ts';
import type { Observer } from '../observer.ts';

const AT_ONCE = 8;
/** A node that has just come is known to the others after a while: until then they do not notify. */
const SECOND_CHECK_MS = 5_000;
const PAUSE_FACTOR = 10;

/** What is waited for. */
interface Awaited {
  /** Whether it stands in the journal. */
  isThere(): Promise<boolean>;
  /** The same without asking: whether it is among so many durable events of the run. */
  isAmong(durable: number): boolean;
}

interface Watcher {
  readonly run: string;
  readonly awaited: Awaited;
  readonly wake: () => void;
}

export class RunWatchers implements News {
  readonly #clock: Clock;
  /** Runs in memory need no asking: their commits are announced. */
  readonly #isLive: (run: string) => boolean;
  readonly #observer: Observer | undefined;
  readonly #watchers = new ByRun<Watcher>();
  /** Of whatever this node writes of a run. */
  readonly #readers = new ByRun<() => void>();
  readonly #listeners = new Set<() => void>();
  readonly #round: Coalesced;

  constructor(clock: Clock, isLive: (run: string) => boolean, observer?: Observer) {
    this.#clock = clock;
    this.#isLive = isLive;
    this.#observer = observer;
    this.#round = new Coalesced(
      () => this.#checkAll(),
      (error) => observer?.troubled('asking the journal about runs of other nodes', error),
    );
  }

  /** Resolves when it is there, or when `signal` aborts. */
  async until(run: string, signal: AbortSignal, awaited: Awaited): Promise<void> {
    if (signal.aborted) return;
    const wait = new Wait(
      signal,
      (wake) => this.#watchers.add(run, { run, awaited, wake }),
      (wake) =>
        this.#clock.after(SECOND_CHECK_MS, () => {
          if (!this.#isLive(run)) void this.#check({ run, awaited, wake });
        }),
    );
    try {
      // It may have come between the caller's check and this moment.
      if (!(await awaited.isThere())) await wait.over;
    } finally {
      wait.end();
    }
  }

  /** Calls back when this node has written events or logs of the run. The result ends it. */
  onWritten(run: string, wake: () => void): () => void {
    return this.#readers.add(run, wake);
  }

  /** Calls back after every commit of this node. The result ends it. */
  onCommit(committed: () => void): () => void {
    this.#listeners.add(committed);
    return () => this.#listeners.delete(committed);
  }

  /** Events of the run up to `durable` (exclusive) are in the journal, written by this node. */
  committed(run: string, durable: number): void {
    for (const watcher of this.#watchers.of(run))
      if (watcher.awaited.isAmong(durable)) watcher.wake();
    for (const committed of this.#listeners) committed();
    this.logged(run);
  }

  /** Lines of the run's log are in the journal, written by this node. */
  logged(run: string): void {
    for (const wake of this.#readers.of(run)) wake();
  }

  /** Other nodes have written, or may have. */
  othersWrote(): void {
    if (this.#watchers.size > 0) this.#round.ask();
  }

  async #checkAll(): Promise<void> {
    const began = this.#clock.elapsed();
    const all = this.#watchers.all().filter(({ run }) => !this.#isLive(run));
    for (let i = 0; i < all.length; i += AT_ONCE)
      await Promise.all(all.slice(i, i + AT_ONCE).map((watcher) => this.#check(watcher)));
    const tookMs = this.#clock.elapsed() - began;
    if (tookMs === 0) return;
    await waitFor(undefined, (wake) => this.#clock.after(PAUSE_FACTOR * tookMs, wake));
  }

  async #check({ run, awaited, wake }: Watcher): Promise<void> {
    try {
      if (await awaited.isThere()) wake();
    } catch (error) {
      // It is asked about again at the next notification, or at `resync`.
      this.#observer?.troubled('asking the journal about a run of another node', error, { run });
    }
  }
}

/** Sets by run; a run without a wait takes no memory. */
class ByRun<T> {
  readonly #sets = new Map<string, Set<T>>();

  /** Runs with something. */
  get size(): number {
    return this.#sets.size;
  }

  /** The result takes it out. */
  add(run: string, item: T): () => void {
    const items = this.#sets.get(run) ?? new Set<T>();
    this.#sets.set(run, items.add(item));
    return () => {
      items.delete(item);
      if (items.size === 0 && this.#sets.get(run) === items) this.#sets.delete(run);
    };
  }

  /** Called with every commit. */
  of(run: string): Iterable<T> {
    if (this.#sets.size === 0) return NOTHING;
    return this.#sets.get(run) ?? NOTHING;
  }

  all(): T[] {
    return [...this.#sets.values()].flatMap((items) => [...items]);
  }
}

const NOTHING: readonly never[] = [];
