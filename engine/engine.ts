/**
 * The engine, put together: what starts, what stops, and in which order.
 *
 *   start: take the lease (older selves are fenced) → adopt the runs of nodes that are gone →
 *          bring active runs into memory and let the world follow → wake who is due
 *   stop:  let nobody in → finish calls that are going on (jobs go on by themselves) → write what
 *          is left → give the lease back
 */
import type { Action, AnyConnector, Connector } from '../connectors/kit/connector.ts';
import type { Journal, NodeLease } from '../journal/journal.ts';
import type { RunState } from '../kernel/state.ts';
import { catalogueOf } from '../connectors/kit/catalogue.ts';
import { bug, TuttiError } from '../model/errors.ts';
import type { AttemptReport, ParentTask } from '../model/run.ts';
import { runAction } from './attempt.ts';
import { runChild } from './child-attempt.ts';
import { Bulk } from './bulk.ts';
import type { Chance, Clock, Ids } from './clock.ts';
import type { Desk } from './desk.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Door } from './door.ts';
import type { Flight } from './flight.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { LogWriter } from './log-writer.ts';
import { fail, failureOf, plain } from './outcome.ts';
import type { EngineReadings, Observer } from './observer.ts';
import { Owner } from './owner.ts';
import { Pipeline } from './pipeline.ts';
import { Pools } from './pools.ts';
import { Entrance, settled } from './submit.ts';
import type { SystemDirectory } from './systems.ts';
import { Versions } from './versions.ts';
import { Waker } from './waker.ts';

export interface EngineOptions {
  readonly journal: Journal;
  readonly connectors: readonly AnyConnector[];
  readonly systems: SystemDirectory;
  /** The same name again is the same node: it takes its runs back at once. */
  readonly nodeName: string;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly ids: Ids;
  /** Where connectors keep what they must find again after a crash. */
  readonly stateDirectory: string;
  readonly redact: (text: string) => string;
  readonly log: {
    warn(fields: object, message: string): void;
    info(fields: object, message: string): void;
  };
  readonly leaseMs?: number;
  /** Is told what happens; without one watching costs nothing. */
  readonly observer?: Observer;
  /** Runs in memory at most; more wait in the journal. */
  readonly mostRuns?: number;
  /** How long calls may take to end when the node stops. */
  readonly drainMs?: number;
}

export interface Engine {
  readonly door: Door;
  start(url: string | null): Promise<void>;
  stop(): Promise<void>;
  /** Resolves with the reason when this node lost its lease. */
  readonly fenced: Promise<TuttiError>;
  /** Runs in memory and events on their way: for people who watch the engine. */
  gauges(): { readonly runs: number; readonly unwritten: number; readonly flying: number };
  /** The same in full: it looks at every run in memory. */
  readings(): EngineReadings;
}

const LEASE_MS = 5_000;
const MOST_RUNS = 10_000;
const DRAIN_MS = 10_000;
const PAGE = 1_000;
const LOADS_AT_ONCE = 16;

export function createEngine(options: EngineOptions): Engine {
  return new Orchestra(options);
}

class Orchestra implements Engine {
  readonly fenced: Promise<TuttiError>;
  readonly #options: EngineOptions;
  readonly #actions = new Map<string, { action: Action; connector: Connector }>();
  readonly #pools: Pools;
  readonly #versions: Versions;
  readonly #owner: Owner;
  readonly #entrance: Entrance;
  readonly #dispatcher: Dispatcher;
  readonly #desk: Desk;
  readonly #bulk: Bulk;
  readonly #flying = new Set<Flight>();
  readonly #landed = new Set<() => void>();
  #pipeline: Pipeline | undefined;
  #lease: NodeLease | undefined;
  #keeper: LeaseKeeper | undefined;
  #unlisten: (() => void) | undefined;
  #waker: Waker | undefined;
  #refusing: TuttiError | undefined;
  #fence: (error: TuttiError) => void = () => {};

  constructor(options: EngineOptions) {
    this.#options = options;
    const { journal, clock, observer } = options;
    this.fenced = new Promise((resolve) => {
      this.#fence = resolve;
    });
    const limits = new Map<string, number>([['workflow', 100_000]]);
    for (const connector of options.connectors as readonly Connector[]) {
      limits.set(connector.name, connector.concurrency);
      for (const action of connector.actions) this.#actions.set(action.name, { action, connector });
    }
    this.#versions = new Versions(journal);
    this.#pools = new Pools({
      slots: journal.slots,
      lease: () => this.#lease ?? bug('the engine has not started yet'),
      granted: (flight) => this.#dispatcher.ready(flight),
    });
    this.#dispatcher = new Dispatcher(
      limits,
      this.#pools,
      () => clock.now(),
      (flight) => this.#begin(flight),
      observer && ((flight, waitedMs) => observer.begun(flight.run.state, flight.task, waitedMs)),
    );
    this.#owner = new Owner({
      journal,
      versions: this.#versions,
      clock,
      chance: options.chance,
      pipeline: () => this.#writing(),
      dispatcher: () => this.#dispatcher,
      ended: (state) => this.#runEnded(state),
      slept: (wakeAt) => {
        this.#waker?.expect(wakeAt);
        this.#waker?.roomier();
      },
      mayOwn: (owner) => this.#mayOwn(owner),
      fenced: (error) => this.#lost(error),
      cancelChild: (child) => void this.#cancelChild(child),
      noticed: (run, durable) => this.#entrance.noticed(run, durable),
      observer,
    });
    this.#entrance = this.#makeEntrance();
    this.#desk = this.#makeDesk();
    this.#bulk = new Bulk({
      journal,
      clock,
      submit: (command) => this.#entrance.submit(command),
      log: options.log,
    });
  }

  get door(): Door {
    return this.#entrance;
  }

  gauges() {
    return {
      runs: this.#owner.live.size,
      unwritten: this.#pipeline?.depth ?? 0,
      flying: this.#flying.size,
    };
  }

  readings(): EngineReadings {
    const runs = new Map<string, number>();
    for (const { state } of this.#owner.live.values())
      runs.set(state.workflow, (runs.get(state.workflow) ?? 0) + 1);
    return {
      lanes: this.#dispatcher.lanes(),
      pools: this.#pools.readings(),
      runs,
      mostRuns: this.#options.mostRuns ?? MOST_RUNS,
      unwrittenEvents: this.#pipeline?.depth ?? 0,
      leaseMs: this.#options.leaseMs ?? LEASE_MS,
      stalled: this.#entrance.stalls().length > 0,
      databaseStalled: this.#options.journal.stalls().length > 0,
    };
  }

  async start(url: string | null): Promise<void> {
    const { journal, clock, nodeName } = this.#options;
    const leaseMs = this.#options.leaseMs ?? LEASE_MS;
    const lease = await journal.register(nodeName, leaseMs, url);
    this.#lease = lease;
    const { observer } = this.#options;
    this.#pipeline = new Pipeline(journal, lease, clock, this.#owner, observer);
    const lost = () => this.#lost(new TuttiError('node.fenced'));
    const renewed = () => observer?.leaseRenewed();
    this.#keeper = new LeaseKeeper(journal, lease, leaseMs, clock, lost, renewed);
    this.#keeper.start();
    renewed();
    const mostRuns = this.#options.mostRuns ?? MOST_RUNS;
    const room = () => mostRuns - this.#owner.live.size;
    this.#waker = new Waker(journal, lease, clock, room, (run) => this.#owner.wake(run));
    await journal.adopt(lease);
    this.#unlisten = journal.listen((bell) => {
      if (bell.about !== 'feed' && bell.about !== 'due') this.#pools.look();
    });
    this.#pools.setCapacity(await journal.pools());
    await this.#takeUp(lease);
    this.#waker.look();
    await this.#bulk.claim(lease);
  }

  /** One writer per run: what another living node owns is left to it. */
  async #mayOwn(owner: number | null): Promise<boolean> {
    if (owner === null || owner === this.#lease?.node) return true;
    const nodes = await this.#options.journal.views.nodes();
    const other = nodes.find(({ node }) => node === owner);
    return other === undefined || other.leaseUntil <= this.#options.clock.now();
  }

  /** Brings the active runs into memory; from there the plan is what it was before. */
  async #takeUp(lease: NodeLease): Promise<void> {
    for (let after: string | null = null; ; ) {
      const ids: readonly string[] = await this.#options.journal.activeRuns(lease, after, PAGE);
      for (let i = 0; i < ids.length; i += LOADS_AT_ONCE) {
        await Promise.all(ids.slice(i, i + LOADS_AT_ONCE).map((id) => this.#owner.hold(id)));
      }
      after = ids.at(-1) ?? null;
      if (ids.length < PAGE) return;
    }
  }

  async stop(): Promise<void> {
    this.#refusing ??= new TuttiError('node.stopping');
    this.#waker?.stop();
    this.#bulk.stop();
    this.#dispatcher.stop();
    await this.#drain();
    this.#owner.stop();
    await this.#within(this.#pipeline?.idle());
    this.#pipeline?.close(new TuttiError('node.stopping'));
    this.#keeper?.stop();
    this.#unlisten?.();
    if (this.#lease !== undefined) await this.#within(this.#options.journal.resign(this.#lease));
  }

  /** A database that does not answer must not keep the node from stopping: nothing durable is lost. */
  async #within(work: Promise<unknown> | undefined): Promise<void> {
    const { clock } = this.#options;
    let cancel: (() => void) | undefined;
    const over = new Promise<void>((resolve) => {
      cancel = clock.at(clock.now() + (this.#options.drainMs ?? DRAIN_MS), resolve);
    });
    await Promise.race([work?.catch(() => undefined), over]);
    cancel?.();
  }

  /** Calls get some time to end; jobs are left to go on, and are found again at the next start. */
  async #drain(): Promise<void> {
    const { clock } = this.#options;
    for (const flight of this.#flying) if (this.#isJob(flight)) flight.halt('shutdown');
    let over = false;
    const cancel = clock.at(clock.now() + (this.#options.drainMs ?? DRAIN_MS), () => {
      over = true;
      for (const flight of this.#flying) flight.halt('shutdown');
      for (const wake of this.#landed) wake();
    });
    while (this.#flying.size > 0 && !over) {
      await new Promise<void>((resolve) => this.#landed.add(resolve));
      this.#landed.clear();
    }
    cancel();
  }

  #isJob(flight: Flight): boolean {
    const body =
      flight.run.state.definition.tasks[flight.run.state.nodes[flight.node]?.task ?? -1]?.body;
    if (body?.kind !== 'action') return true;
    return this.#actions.get(body.action)?.action.does.form === 'job';
  }

  #writing(): Pipeline {
    if (this.#pipeline === undefined)
      throw new TuttiError('node.stopping', 'The engine has not started yet.');
    return this.#pipeline;
  }

  #lost(error: TuttiError): void {
    this.#refusing ??= error;
    this.#unlisten?.();
    this.#pipeline?.close(error);
    this.#waker?.stop();
    this.#bulk.stop();
    this.#dispatcher.stop();
    this.#owner.stop();
    for (const flight of this.#flying) flight.halt('shutdown');
    this.#fence(error);
  }

  #makeEntrance(): Entrance {
    const { journal, clock, ids } = this.#options;
    const catalogue = catalogueOf(this.#options.connectors);
    return new Entrance({
      journal,
      versions: this.#versions,
      owner: this.#owner,
      pipeline: () => this.#writing(),
      catalogue,
      clock,
      ids,
      mostRuns: this.#options.mostRuns ?? MOST_RUNS,
      lease: () => this.#lease ?? bug('the engine has not started yet'),
      beginBulk: (id) => this.#bulk.take(id),
      deployed: async () => {
        this.#pools.setCapacity(await journal.pools());
      },
      stalls: () => [
        ...(this.#refusing === undefined ? [] : [this.#refusing.message]),
        ...journal.stalls(),
      ],
      open: () => {
        if (this.#refusing !== undefined) throw this.#refusing;
      },
    });
  }

  #makeDesk(): Desk {
    const { clock, systems, stateDirectory, redact, journal, observer } = this.#options;
    return {
      clock,
      systems,
      stateDirectory,
      redact,
      logs: new LogWriter(
        journal,
        () => clock.now(),
        redact,
        (run) => this.#entrance.logged(run),
      ),
      action: (name) => this.#actions.get(name),
      trace: ({ run, task, attempt }) => observer?.contextOf?.(run.state, task, attempt),
      report: (flight, command) => this.#report(flight, command),
      tell: (flight, command) => {
        if (this.#owner.live.get(flight.run.id) !== flight.run) return;
        if (isOutcome(command)) flight.conclude();
        this.#owner.apply(flight.run, command);
      },
      abandon: (flight) => this.#owner.abandon(flight),
      done: (flight) => this.#dispatcher.done(flight),
    };
  }

  async #report(flight: Flight, command: AttemptReport): Promise<boolean> {
    if (this.#owner.live.get(flight.run.id) !== flight.run) return false;
    try {
      if (isOutcome(command)) flight.conclude();
      let refused = false;
      await settled((done) => {
        refused = this.#owner.apply(flight.run, command, done) !== undefined;
        if (refused) done();
      });
      return !refused;
    } catch (error) {
      if (
        error instanceof TuttiError &&
        (error.code === 'node.fenced' || error.code === 'node.stopping')
      ) {
        return false;
      }
      throw error;
    }
  }

  #begin(flight: Flight): void {
    this.#flying.add(flight);
    void this.#perform(flight);
  }

  async #perform(flight: Flight): Promise<void> {
    try {
      if (flight.lane === 'workflow') await this.#child(flight);
      else await runAction(flight, this.#desk, flight.recovered);
    } catch (error) {
      await this.#broken(flight, error);
    }
    this.#flying.delete(flight);
    if (this.#landed.size > 0) for (const wake of this.#landed) wake();
  }

  /** A mistake of ours or of a connector fails the task; it never takes the engine with it. */
  async #broken(flight: Flight, error: unknown): Promise<void> {
    const failure = failureOf(error);
    this.#options.log.warn(
      { err: error, run: flight.run.id, task: flight.task },
      'an attempt broke',
    );
    const startedAt = flight.since;
    await fail(flight, this.#desk, {
      failure: { ...plain(failure), class: 'failed' },
      startedAt,
    }).catch(() => undefined);
  }

  async #child(flight: Flight): Promise<void> {
    const { ids } = this.#options;
    await runChild(
      flight,
      this.#desk,
      {
        newRun: () => ids.run(),
        start: async (command) => {
          if (flight.recovered !== undefined && (await this.#isThere(command.run)))
            return undefined;
          const answer = await this.#entrance.begin(command, false);
          return answer.refused ? answer : undefined;
        },
        cancel: (child) => this.#cancelChild(child),
      },
      flight.recovered,
    );
  }

  /** After a crash: the child is there; if it has ended, its parent has not heard of it yet. */
  async #isThere(child: string): Promise<boolean> {
    const read = await this.#owner.read(child);
    if (read === null) return false;
    if (read.run.state.end !== undefined) this.#runEnded(read.run.state);
    return true;
  }

  async #cancelChild(child: string): Promise<void> {
    const by = { actor: 'tutti', reason: 'its parent is being cancelled' };
    await this.#entrance.submit({ type: 'CancelRun', run: child, by }).catch(() => undefined);
  }

  #runEnded(state: RunState): void {
    if (state.parent !== undefined)
      void this.#tellParent(state, state.parent).catch(() => undefined);
  }

  /** The end of a child run is the outcome of its parent's task. */
  async #tellParent(child: RunState, parent: ParentTask): Promise<void> {
    await this.#owner.with(parent.run, (run) => {
      const flight = [...run.flights.values()].find((each) => each.task === parent.task);
      const report = reportOf(child, parent, flight?.stop === 'cancel');
      if (report === undefined || this.#owner.apply(run, report) !== undefined)
        this.#owner.release(run);
    });
  }
}

/** What the end of a child run means for its parent's task. */
function reportOf(
  child: RunState,
  { run, task, attempt }: ParentTask,
  cancelling: boolean,
): AttemptReport | undefined {
  const about = { run, task, attempt, startedAt: child.createdAt };
  const { end } = child;
  if (end === undefined) return undefined;
  if (end.end === 'succeeded')
    return { ...about, type: 'CompleteTask', output: end.output ?? null };
  if (cancelling) return { ...about, type: 'ConfirmCancel' };
  const message = `child run ${child.id} of "${child.workflow}" ended ${end.end}`;
  const failure = { class: 'failed', code: 'child.failed', message, native: child.id } as const;
  return { ...about, type: 'FailTask', failure };
}

/** Reports that end the attempt; the others say how far it is. */
function isOutcome(command: AttemptReport): boolean {
  return (
    command.type === 'CompleteTask' ||
    command.type === 'FailTask' ||
    command.type === 'ConfirmCancel'
  );
}
