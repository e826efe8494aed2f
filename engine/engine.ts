/**
 * The engine, put together: what starts, what stops, and in which order.
 *
 *   start: take the lease (older selves are fenced) → bring the own active runs into memory and let
 *          the world follow → wake who is due → claim the runs of nodes that are gone
 *   stop:  begin nothing new → finish calls that are going on (jobs go on by themselves) → write
 *          what is left → give the lease back: from then on the other nodes go on with the runs
 */
import type { Notification } from '../journal/notifications.ts';
import type { NodeLease } from '../journal/ownership.ts';
import { catalogueOf } from '../connectors/kit/catalogue.ts';
import { TuttiError } from '../model/errors.ts';
import { Wait } from '../model/wait-for.ts';
import { readWorkflow } from '../language/read.ts';
import { Errands } from './door/errands.ts';
import { Courier } from './door/courier.ts';
import type { Door } from './door.ts';
import { RunWatchers } from './runs/run-watchers.ts';
import { Attempts } from './attempts/attempts.ts';
import { CHILD_LANE } from './attempts/lanes.ts';
import { Membership } from './cluster/membership.ts';
import type { EngineReadings } from './observer.ts';
import { DEFAULTS, type EngineOptions, type ReadyOptions } from './options.ts';
import { Owner } from './runs/owner.ts';
import { Peers } from './door/peers.ts';
import { Pipeline } from './runs/pipeline.ts';
import type { RunListener } from './runs/run-listener.ts';
import { Entrance } from './door/submit.ts';
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
  readonly #versions: Versions;
  readonly #owner: Owner;
  readonly #watchers: RunWatchers;
  readonly #attempts: Attempts;
  readonly #entrance: Entrance;
  readonly #errands: Errands;
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
    this.#versions = new Versions(journal, clock);
    this.#watchers = new RunWatchers(clock, (run) => this.#owner.live.has(run), observer);
    this.#owner = this.#makeOwner();
    this.#entrance = this.#makeEntrance();
    this.#attempts = this.#makeAttempts();
    this.#owner.connect(this.#attempts.reconciler, this.#listener());
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
      attempts: this.#attempts.running.size,
    };
  }

  readings(): EngineReadings {
    const runs = new Map<string, number>();
    for (const { state } of this.#owner.live.values())
      runs.set(state.workflow, (runs.get(state.workflow) ?? 0) + 1);
    return {
      lanes: this.#attempts.lanes.readings(),
      pools: this.#attempts.pools.readings(),
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
      children: () => this.#attempts.lanes.get(CHILD_LANE).active,
      notified: (notification) => this.#notified(notification),
      claimed: (runs) => observer?.noted({ is: 'claimed', runs }),
      renewed: () => observer?.leaseRenewed(),
      lost: () => this.#lost(new TuttiError('node.fenced')),
    });
    await this.#attempts.refreshPools();
    await this.#membership.join();
    await this.#errands.claim(lease);
  }

  /** What the nodes tell each other. */
  #notified(notification: Notification): void {
    this.#options.observer?.notified(notification.about);
    switch (notification.about) {
      case 'slots':
        this.#attempts.pools.ask();
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
        this.#attempts.pools.ask();
        this.#watchers.othersWrote();
        this.#attempts.children.orphaned();
        return;
      case 'orphans':
        this.#attempts.pools.ask();
        this.#attempts.children.orphaned();
        if (this.#lease !== undefined) void this.#errands.claim(this.#lease).catch(() => undefined);
        return;
      case 'due':
    }
  }

  async #refreshPools(): Promise<void> {
    // A database that cannot be asked now notifies `resync` when it is back.
    await this.#attempts.refreshPools().catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#draining ??= new TuttiError('node.stopping');
    this.#rest();
    await this.#attempts.running.drain();
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
    this.#attempts.rest();
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
    this.#attempts.running.halt();
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
      ended: (run) => this.#attempts.children.ended(run),
      reopened: (run) => void this.#attempts.children.reopened(run),
      durable: (run, durable) => this.#watchers.committed(run, durable),
      unloaded: (wakeAt) => this.#membership?.slept(wakeAt),
      postponed: (runs) => this.#membership?.remember(runs),
      fenced: (error) => this.#lost(error),
    };
  }

  #makeAttempts(): Attempts {
    return new Attempts({
      options: this.#options,
      owner: this.#owner,
      lease: () => this.#leased(),
      certainty: { mayLeave: () => this.#membership?.mayLeave() ?? true },
      watchers: this.#watchers,
      door: {
        begin: (command) => this.#entrance.begin(command, false),
        submit: (command) => this.#entrance.submit(command),
      },
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
      ended: (run) => this.#attempts.children.ended(run),
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
}
