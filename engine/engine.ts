/**
 * The engine, put together: what starts, what stops, and in which order.
 *
 *   start: take the lease (older selves are fenced) → bring the own active runs into memory and let
 *          the world follow → wake who is due → claim the runs of nodes that are gone
 *   stop:  begin nothing new → finish calls that are going on (jobs go on by themselves) → write
 *          what is left → give the lease back: from then on the other nodes go on with the runs
 */
import type { Action, Connector } from '../connectors/kit/connector.ts';
import type { Notification } from '../journal/notifications.ts';
import type { NodeLease } from '../journal/ownership.ts';
import type { PoolRow } from '../journal/pools.ts';
import { catalogueOf } from '../connectors/kit/catalogue.ts';
import { TuttiError } from '../model/errors.ts';
import { Wait } from '../model/wait-for.ts';
import { readWorkflow } from '../language/read.ts';
import type { AttemptReport } from '../model/run.ts';
import { RunningAttempts } from './attempts/running-attempts.ts';
import { giveUp, runAction } from './attempts/attempt-runner.ts';
import { Errands } from './door/errands.ts';
import { Courier } from './door/courier.ts';
import type { AttemptServices } from './attempts/attempt-services.ts';
import { Dispatcher } from './attempts/dispatcher.ts';
import type { Door } from './door.ts';
import { ChildRuns } from './attempts/child-runs.ts';
import type { Attempt } from './runs/attempt.ts';
import { RunWatchers } from './runs/run-watchers.ts';
import { CHILD_LANE, Lanes } from './attempts/lanes.ts';
import { LogWriter } from './attempts/log-writer.ts';
import { Membership } from './cluster/membership.ts';
import { fail, failureOf, isOutcome, plain } from './attempts/outcome.ts';
import type { EngineReadings } from './observer.ts';
import { DEFAULTS, type EngineOptions, type ReadyOptions } from './options.ts';
import { Owner } from './runs/owner.ts';
import { Peers } from './door/peers.ts';
import { Pipeline } from './runs/pipeline.ts';
import { Pools } from './attempts/pools.ts';
import { Reconciler } from './attempts/reconciler.ts';
import type { RunListener } from './runs/run-listener.ts';
import { Entrance, settled } from './door/submit.ts';
import { Versions } from './runs/versions.ts';

export interface Engine {
  readonly door: Door;
  start(url: string | null): Promise<void>;
  stop(): Promise<void>;
  /** Resolves with the reason when this node lost its lease. */
  readonly fenced: Promise<TuttiError>;
  /** Runs in memory and events on their way: for people who watch the engine. */
  gauges(): { readonly runs: number; readonly unwritten: number; readonly attempts: number };
  /** The same in full: it looks at every run in memory. */
  readings(): EngineReadings;
}

/** Beyond the lease of a node that died: time for the others to take its runs over. */
const TAKE_OVER_MS = 4_000;

export function createEngine(options: EngineOptions): Engine {
  return new Orchestra(options);
}

class Orchestra implements Engine {
  readonly fenced: Promise<TuttiError>;
  readonly #options: ReadyOptions;
  readonly #actions = new Map<string, { action: Action; connector: Connector }>();
  readonly #lanes: Lanes;
  readonly #pools: Pools;
  readonly #versions: Versions;
  readonly #owner: Owner;
  readonly #reconciler: Reconciler;
  readonly #watchers: RunWatchers;
  readonly #children: ChildRuns;
  readonly #entrance: Entrance;
  readonly #dispatcher: Dispatcher;
  readonly #services: AttemptServices;
  readonly #errands: Errands;
  readonly #running: RunningAttempts;
  #pipeline: Pipeline | undefined;
  #lease: NodeLease | undefined;
  #membership: Membership | undefined;
  #draining: TuttiError | undefined;
  #refusing: TuttiError | undefined;
  #fence: (error: TuttiError) => void = () => {};

  constructor(options: EngineOptions) {
    this.#options = { ...DEFAULTS, ...options };
    const { journal, clock, observer } = options;
    this.fenced = new Promise((resolve) => {
      this.#fence = resolve;
    });
    this.#lanes = new Lanes(options.connectors);
    for (const connector of options.connectors as readonly Connector[]) {
      for (const action of connector.actions) this.#actions.set(action.name, { action, connector });
    }
    this.#versions = new Versions(journal, clock);
    this.#pools = new Pools({
      slots: journal.slots,
      lease: () => this.#leased(),
      granted: (attempt) => this.#dispatcher.ready(attempt),
    });
    this.#dispatcher = new Dispatcher(
      this.#lanes,
      this.#pools,
      clock,
      (attempt) => this.#running.begin(attempt),
      observer,
    );
    this.#running = this.#makeRunningAttempts();
    this.#watchers = new RunWatchers(clock, (run) => this.#owner.live.has(run), observer);
    this.#owner = this.#makeOwner();
    this.#entrance = this.#makeEntrance();
    this.#reconciler = this.#makeReconciler();
    this.#owner.connect(this.#reconciler, this.#listener());
    this.#services = this.#makeServices();
    this.#children = this.#makeChildRuns();
    this.#errands = new Errands({
      journal,
      clock,
      lease: () => this.#leased(),
      gone: options.gone,
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
      attempts: this.#running.size,
    };
  }

  readings(): EngineReadings {
    const runs = new Map<string, number>();
    for (const { state } of this.#owner.live.values())
      runs.set(state.workflow, (runs.get(state.workflow) ?? 0) + 1);
    return {
      lanes: this.#lanes.readings(),
      pools: this.#pools.readings(),
      runs,
      mostRuns: this.#options.mostRuns,
      unwrittenEvents: this.#pipeline?.depth ?? 0,
      leaseMs: this.#options.leaseMs,
      stalled: this.#entrance.stalls().length > 0,
      databaseStalled: this.#options.journal.stalls().length > 0,
    };
  }

  async start(url: string | null): Promise<void> {
    const { journal, clock, nodeName } = this.#options;
    const leaseMs = this.#options.leaseMs;
    const askedAt = { now: clock.now(), elapsed: clock.elapsed() };
    const lease = await journal.register(nodeName, leaseMs, url);
    this.#lease = lease;
    const { observer } = this.#options;
    this.#pipeline = new Pipeline(journal, lease, clock, this.#owner, observer);
    this.#membership = new Membership({
      journal,
      lease,
      leaseMs,
      askedAt,
      clock,
      owner: this.#owner,
      mostRuns: this.#options.mostRuns,
      children: () => this.#lanes.get(CHILD_LANE).active,
      notified: (notification) => this.#notified(notification),
      claimed: (runs) => observer?.noted({ is: 'claimed', runs }),
      renewed: () => observer?.leaseRenewed(),
      lost: () => this.#lost(new TuttiError('node.fenced')),
    });
    this.#pools.setCapacity(capacities(await journal.pools()));
    await this.#membership.join();
    await this.#errands.claim(lease);
  }

  /** What the nodes tell each other. */
  #notified(notification: Notification): void {
    this.#options.observer?.notified(notification.about);
    switch (notification.about) {
      case 'slots':
        this.#pools.look();
        return;
      case 'deployed':
        this.#versions.forget(notification.workflow);
        void this.#refreshPools();
        return;
      case 'pools':
        void this.#refreshPools();
        return;
      case 'feed':
        this.#watchers.othersWrote();
        return;
      case 'resync':
        this.#versions.forgetAll();
        void this.#refreshPools();
        this.#pools.look();
        this.#watchers.othersWrote();
        this.#children.orphaned();
        return;
      case 'orphans':
        this.#pools.look();
        this.#children.orphaned();
        if (this.#lease !== undefined) void this.#errands.claim(this.#lease).catch(() => undefined);
        return;
      case 'due':
    }
  }

  async #refreshPools(): Promise<void> {
    // A database that cannot be asked now notifies `resync` when it is back.
    const pools = await this.#options.journal.pools().catch(() => undefined);
    if (pools !== undefined) this.#pools.setCapacity(capacities(pools));
  }

  async stop(): Promise<void> {
    this.#draining ??= new TuttiError('node.stopping');
    this.#rest();
    await this.#running.drain();
    this.#refusing ??= new TuttiError('node.stopping');
    this.#owner.stop();
    await this.#within(this.#pipeline?.idle());
    this.#pipeline?.close(new TuttiError('node.stopping'));
    this.#membership?.leave();
    if (this.#lease !== undefined) await this.#within(this.#options.journal.resign(this.#lease));
  }

  /** From now on nothing new is begun here. */
  #rest(): void {
    this.#membership?.rest();
    this.#errands.stop();
    this.#dispatcher.stop();
  }

  /** A database that does not answer must not keep the node from stopping: nothing durable is lost. */
  async #within(work: Promise<unknown> | undefined): Promise<void> {
    const { clock, drainMs } = this.#options;
    const deadline = new Wait(undefined, (wake) => clock.after(drainMs, wake));
    await Promise.race([work?.catch(() => undefined), deadline.over]);
    deadline.end();
  }

  #writing(): Pipeline {
    if (this.#pipeline === undefined)
      throw new TuttiError('node.stopping', 'The engine has not started yet.');
    return this.#pipeline;
  }

  #lost(error: TuttiError): void {
    this.#refusing ??= error;
    this.#pipeline?.close(error);
    this.#rest();
    this.#membership?.leave();
    this.#owner.stop();
    this.#running.halt();
    this.#fence(error);
  }

  #makeOwner(): Owner {
    const { journal, clock, chance, settledAtOnce } = this.#options;
    const { definitions } = this.#versions;
    return new Owner({
      journal,
      versions: this.#versions,
      clock,
      context: {
        chance: () => chance.next(),
        definitions,
        ...(settledAtOnce !== undefined && { settledAtOnce }),
      },
      pipeline: () => this.#writing(),
      lease: () => this.#leased(),
      observer: this.#options.observer,
    });
  }

  #listener(): RunListener {
    return {
      ended: (run) => this.#children.ended(run),
      reopened: (run) => void this.#children.tell(run),
      durable: (run, durable) => this.#watchers.committed(run, durable),
      unloaded: (wakeAt) => this.#membership?.slept(wakeAt),
      postponed: (runs) => this.#membership?.remember(runs),
      fenced: (error) => this.#lost(error),
    };
  }

  #makeReconciler(): Reconciler {
    return new Reconciler({
      clock: this.#options.clock,
      dispatcher: this.#dispatcher,
      lanes: this.#lanes,
      apply: (run, command) => this.#owner.apply(run, command),
      cancelChild: (child, attempt) => void this.#children.cancel(child, attempt),
      quiescent: (run) => this.#running.landed(run),
    });
  }

  #makeRunningAttempts(): RunningAttempts {
    const { clock, drainMs, log } = this.#options;
    return new RunningAttempts({
      clock,
      dispatcher: () => this.#dispatcher,
      drainMs,
      perform: (attempt) => this.#perform(attempt),
      broken: (attempt, error) => this.#broken(attempt, error),
      giveUp: (attempt) => {
        const { run, task, number, stop } = attempt;
        const about = { run: run.id, task, attempt: number, stop };
        log.warn(about, 'a call that was to stop did not come back, and is given up');
        return giveUp(attempt, this.#services);
      },
    });
  }

  #makeChildRuns(): ChildRuns {
    const { journal, clock, ids } = this.#options;
    return new ChildRuns({
      owner: this.#owner,
      views: journal.views,
      cancellingAbove: (run) => journal.cancellingAbove(run),
      watchers: this.#watchers,
      clock,
      ids,
      services: this.#services,
      begin: (command) => this.#entrance.begin(command, false),
      submit: (command) => this.#entrance.submit(command),
    });
  }

  #makeEntrance(): Entrance {
    const { journal, clock, ids } = this.#options;
    const actions = catalogueOf(this.#options.connectors);
    return new Entrance({
      journal,
      versions: this.#versions,
      owner: this.#owner,
      pipeline: () => this.#writing(),
      read:
        this.#options.read ??
        ((source, options) => Promise.resolve(readWorkflow(source, { ...options, actions }))),
      clock,
      ids,
      mostRuns: this.#options.mostRuns,
      lease: () => this.#leased(),
      node: () => this.#lease?.node,
      watchers: this.#watchers,
      courier: this.#makeCourier(),
      beginBulk: (id) => this.#errands.bulk(id),
      beginRetention: (id) => this.#errands.retention(id),
      deployed: () => this.#refreshPools(),
      ended: (run) => this.#children.ended(run),
      stalls: () => [
        ...[this.#refusing ?? this.#draining].flatMap((error) => error?.message ?? []),
        ...journal.stalls(),
      ],
      open: (what) => {
        const refusing = this.#refusing ?? (what === 'start' ? this.#draining : undefined);
        if (refusing !== undefined) throw refusing;
      },
    });
  }

  #makeCourier(): Courier {
    const { journal, clock, peers } = this.#options;
    return new Courier({
      peers: new Peers(journal.views, peers),
      clock,
      patienceMs: this.#options.leaseMs + TAKE_OVER_MS,
      onNews: (wake) => this.#membership?.onNews(wake) ?? (() => {}),
    });
  }

  #leased(): NodeLease {
    if (this.#lease === undefined)
      throw new TuttiError('node.stopping', 'The engine has not started yet.');
    return this.#lease;
  }

  #makeServices(): AttemptServices {
    const {
      clock,
      systems,
      stateDirectory,
      stateDirectoryId: place,
      redactor,
      journal,
      observer,
      tokenOf,
    } = this.#options;
    return {
      clock,
      systems,
      stateDirectory,
      stateDirectoryId: place,
      redactor,
      logs: new LogWriter({
        journal,
        clock,
        redactor,
        limitBytes: this.#options.logLimitBytes,
        logged: (run) => this.#watchers.logged(run),
      }),
      action: (name) => this.#actions.get(name),
      token: ({ run }) => tokenOf?.(run.id),
      trace: ({ run, task, number }) => observer?.contextOf?.(run.state, task, number),
      report: (attempt, command) => this.#report(attempt, command),
      tell: (attempt, command) => {
        if (!attempt.run.resident) return;
        if (isOutcome(command)) attempt.report();
        this.#owner.apply(attempt.run, command);
      },
      abandon: (attempt) => this.#reconciler.abandon(attempt),
      mayLeave: () => this.#membership?.mayLeave() ?? true,
      finish: (attempt) => this.#dispatcher.finish(attempt),
    };
  }

  async #report(attempt: Attempt, command: AttemptReport): Promise<boolean> {
    if (!attempt.run.resident) return false;
    try {
      if (isOutcome(command)) attempt.report();
      let refused = false;
      await settled((done) => {
        refused = this.#owner.apply(attempt.run, command, done) !== undefined;
        if (refused) done();
      });
      return !refused;
    } catch (error) {
      // Refused by the book: the run is folded again, and the attempt is found by what is written.
      if (!attempt.run.resident) return false;
      const isOver = error instanceof TuttiError && /^node\.(fenced|stopping)$/.test(error.code);
      if (isOver) return false;
      throw error;
    }
  }

  #perform(attempt: Attempt): Promise<unknown> {
    if (attempt.limits.lane === CHILD_LANE) return this.#children.run(attempt);
    return runAction(attempt, this.#services, attempt.recovered);
  }

  /** A mistake of ours or of a connector fails the task; it never takes the engine with it. */
  async #broken(attempt: Attempt, error: unknown): Promise<void> {
    const failure = failureOf(error);
    this.#options.log.warn(
      { err: error, run: attempt.run.id, task: attempt.task },
      'an attempt broke',
    );
    const startedAt = attempt.since;
    await fail(attempt, this.#services, {
      failure: { ...plain(failure), class: 'failed' },
      startedAt,
    }).catch(() => undefined);
  }
}

function capacities(pools: readonly PoolRow[]): ReadonlyMap<string, number> {
  return new Map(pools.map(({ name, capacity }) => [name, capacity]));
}
