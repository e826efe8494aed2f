/**
 * The engine, put together: what starts, what stops, and in which order.
 *
 *   start: take the lease (older selves are fenced) → bring the own active runs into memory and let
 *          the world follow → wake who is due → claim the runs of nodes that are gone
 *   stop:  begin nothing new → finish calls that are going on (jobs go on by themselves) → write
 *          what is left → give the lease back: from then on the other nodes go on with the runs
 */
import type { Notification } from '../journal/notifications.ts';
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
import { Lifecycle } from './lifecycle.ts';
import { NodeIdentity } from './node-identity.ts';
import { Owner } from './runs/owner.ts';
import { Peers } from './door/peers.ts';
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
  readonly #identity = new NodeIdentity();
  readonly #lifecycle = new Lifecycle();
  readonly #membership: Membership;
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
    this.#membership = this.#makeMembership();
    this.#entrance = this.#makeEntrance();
    this.#attempts = this.#makeAttempts();
    this.#owner.connect(this.#attempts.reconciler, this.#listener());
    this.#errands = new Errands({
      journal,
      clock,
      identity: this.#identity,
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
      unwritten: this.#owner.pipeline.depth,
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
      unwrittenEvents: this.#owner.pipeline.depth,
      leaseMs: this.#options.leaseMs,
      stalled: this.#entrance.stalls().length > 0,
      databaseStalled: this.#options.journal.stalls().length > 0,
    };
  }

  async start(url: string | null): Promise<void> {
    const { journal, clock, nodeName, leaseMs, observer } = this.#options;
    const askedAt = { now: clock.now(), elapsed: clock.elapsed() };
    const lease = await journal.register(nodeName, leaseMs, url);
    this.#identity.registered(lease);
    this.#lifecycle.open();
    await this.#attempts.refreshPools();
    await this.#membership.join(askedAt);
    observer?.noted({ is: 'joined', name: nodeName, node: lease.node });
    await this.#errands.claim();
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
        void this.#claimErrands();
        return;
      case 'due':
    }
  }

  async #refreshPools(): Promise<void> {
    try {
      await this.#attempts.refreshPools();
    } catch (error) {
      // A database that cannot be asked now notifies `resync` when it is back.
      this.#options.observer?.troubled('reading the capacities of pools', error);
    }
  }

  async #claimErrands(): Promise<void> {
    try {
      await this.#errands.claim();
    } catch (error) {
      // Its node, or another, claims them with the next notification `orphans`.
      this.#options.observer?.troubled('claiming bulk commands and retentions', error);
    }
  }

  async stop(): Promise<void> {
    const { journal, observer } = this.#options;
    this.#lifecycle.drain(new TuttiError('node.stopping'));
    this.#rest();
    await this.#attempts.running.drain();
    observer?.noted({ is: 'drained', leftAttempts: this.#attempts.running.size });
    this.#lifecycle.close(new TuttiError('node.stopping'));
    this.#owner.stop();
    await this.#within(this.#owner.pipeline.idle());
    this.#owner.pipeline.close(new TuttiError('node.stopping'));
    this.#membership.leave();
    if (this.#identity.node !== undefined) await this.#within(journal.resign(this.#identity.lease));
  }

  /** From now on nothing new is begun here. */
  #rest(): void {
    this.#membership?.rest();
    this.#errands.stop();
    this.#attempts.rest();
  }

  /** A database that does not answer must not keep the node from stopping: nothing durable is lost. */
  async #within(work: Promise<unknown>): Promise<void> {
    const { clock, drainMs, observer } = this.#options;
    const deadline = new Wait(undefined, (wake) => clock.after(drainMs, wake));
    const done = work.catch((error: unknown) =>
      observer?.troubled('the last words of this node to the database', error),
    );
    await Promise.race([done, deadline.over]);
    deadline.end();
  }

  #lost(error: TuttiError): void {
    this.#options.observer?.noted({ is: 'lease-lost', reason: error.message });
    this.#lifecycle.close(error);
    this.#owner.pipeline.close(error);
    this.#rest();
    this.#membership.leave();
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
      identity: this.#identity,
      observer: this.#options.observer,
    });
  }

  #makeMembership(): Membership {
    const { journal, clock, leaseMs, mostRuns, observer } = this.#options;
    return new Membership({
      journal,
      identity: this.#identity,
      leaseMs,
      clock,
      owner: this.#owner,
      mostRuns,
      childAttempts: () => this.#attempts.lanes.get(CHILD_LANE).active,
      listener: {
        notified: (notification) => this.#notified(notification),
        lost: () => this.#lost(new TuttiError('node.fenced')),
      },
      observer,
    });
  }

  #listener(): RunListener {
    return {
      ended: (run) => this.#attempts.children.ended(run),
      reopened: (run) => void this.#attempts.children.reopened(run),
      durable: (run, durable) => this.#watchers.committed(run, durable),
      unloaded: (wakeAt) => this.#membership.unloaded(wakeAt),
      postponed: (runs) => this.#membership.postpone(runs),
      fenced: (error) => this.#lost(error),
    };
  }

  #makeAttempts(): Attempts {
    return new Attempts({
      options: this.#options,
      owner: this.#owner,
      identity: this.#identity,
      certainty: this.#membership,
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
      read:
        this.#options.read ??
        ((source, options) => Promise.resolve(readWorkflow(source, { ...options, actions }))),
      clock,
      ids,
      mostRuns: this.#options.mostRuns,
      identity: this.#identity,
      lifecycle: this.#lifecycle,
      watchers: this.#watchers,
      courier: this.#makeCourier(),
      beginBulk: (id) => this.#errands.bulk(id),
      beginRetention: (id) => this.#errands.retention(id),
      deployed: () => this.#refreshPools(),
      ended: (run) => this.#attempts.children.ended(run),
    });
  }

  #makeCourier(): Courier {
    const { journal, clock, peers } = this.#options;
    return new Courier({
      peers: new Peers(journal.views, peers),
      clock,
      patienceMs: this.#options.leaseMs + TAKE_OVER_MS,
      onOwnersChanged: (wake) => this.#membership.onOwnersChanged(wake),
    });
  }
}
