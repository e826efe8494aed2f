/**
 * The engine, put together: what starts, what stops, and in which order. Its folders are made one
 * after the other: runs, cluster, door, attempts; then attempts and listener are connected to runs.
 *
 *   start: take the lease (older selves are fenced) → bring the own active runs into memory and let
 *          the world follow → wake who is due → claim the runs of nodes that are gone
 *   stop:  begin nothing new → finish calls that are under way (jobs continue by themselves) → write
 *          what is left → give the lease back: from then on the other nodes continue the runs
 */
import { catalogueOf } from '../connectors/kit/catalogue.ts';
import { TuttiError } from '../model/errors.ts';
import { Wait } from '../model/wait-for.ts';
import { readWorkflow } from '../language/read.ts';
import type { ReadWorkflow } from './door/deployments.ts';
import { DoorHandlers } from './door/handlers.ts';
import type { Door } from './door.ts';
import { Attempts } from './attempts/attempts.ts';
import { CHILD_LANE } from './attempts/lanes.ts';
import { Membership } from './cluster/membership.ts';
import type { EngineReadings } from './observer.ts';
import { DEFAULTS, type EngineOptions, type ReadyOptions } from './options.ts';
import { Lifecycle } from './lifecycle.ts';
import { NodeIdentity } from './node-identity.ts';
import { NotificationHandler } from './notifications.ts';
import type { RunListener } from './runs/run-listener.ts';
import { Runs } from './runs/runs.ts';

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
  return new EngineNode(options);
}

class EngineNode implements Engine {
  readonly fenced: Promise<TuttiError>;
  readonly door: DoorHandlers;
  readonly #options: ReadyOptions;
  readonly #runs: Runs;
  readonly #attempts: Attempts;
  readonly #membership: Membership;
  readonly #notifications: NotificationHandler;
  readonly #identity = new NodeIdentity();
  readonly #lifecycle = new Lifecycle();
  #fence: (error: TuttiError) => void = () => {};

  constructor(options: EngineOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.fenced = new Promise((resolve) => {
      this.#fence = resolve;
    });
    const { observer } = options;
    this.#runs = new Runs({ ...this.#options, observer, identity: this.#identity });
    this.#membership = this.#makeMembership();
    const listener = this.#listener();
    this.door = this.#makeDoor(listener);
    this.#attempts = this.#makeAttempts();
    const { door } = this;
    const parts = { runs: this.#runs, attempts: this.#attempts, door, observer };
    this.#notifications = new NotificationHandler(parts);
    this.#runs.connect(this.#attempts.reconciler, listener);
  }

  gauges() {
    return {
      runs: this.#runs.memory.live.size,
      unwritten: this.#runs.gate.pipeline.unwritten.events,
      attempts: this.#attempts.running.size,
    };
  }

  readings(): EngineReadings {
    return {
      lanes: this.#attempts.lanes.readings(),
      pools: this.#attempts.pools.readings(),
      runs: this.#runs.countByWorkflow(),
      mostRuns: this.#options.mostRuns,
      unwrittenEvents: this.#runs.gate.pipeline.unwritten.events,
      leaseMs: this.#options.leaseMs,
      stalled: this.door.stalls().length > 0,
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
    await this.door.claimErrands();
  }

  async stop(): Promise<void> {
    const { journal, observer } = this.#options;
    this.#lifecycle.drain(new TuttiError('node.stopping'));
    this.#rest();
    await this.#attempts.running.drain();
    observer?.noted({ is: 'drained', leftAttempts: this.#attempts.running.size });
    this.#lifecycle.close(new TuttiError('node.stopping'));
    this.#runs.stop();
    await this.#within(this.#runs.gate.pipeline.idle());
    this.#runs.gate.pipeline.close(new TuttiError('node.stopping'));
    this.#membership.leave();
    if (this.#identity.node !== undefined) await this.#within(journal.resign(this.#identity.lease));
  }

  /** From now on nothing new is begun here. */
  #rest(): void {
    this.#membership.rest();
    this.door.rest();
    this.#attempts.rest();
  }

  /** A database that does not answer must not keep the node from stopping: nothing durable is lost. */
  async #within(work: Promise<unknown>): Promise<void> {
    const { clock, drainMs, observer } = this.#options;
    const deadline = new Wait(undefined, (wake) => clock.after(drainMs, wake));
    const done = work.catch((error: unknown) => observer?.troubled('giving back the lease', error));
    await Promise.race([done, deadline.over]);
    deadline.end();
  }

  #lost(error: TuttiError): void {
    this.#options.observer?.noted({ is: 'lease-lost', reason: error.message });
    this.#lifecycle.close(error);
    this.#runs.gate.pipeline.close(error);
    this.#rest();
    this.#membership.leave();
    this.#runs.stop();
    this.#attempts.running.halt();
    this.#fence(error);
  }

  #makeMembership(): Membership {
    const { journal, clock, leaseMs, mostRuns, observer } = this.#options;
    return new Membership({
      journal,
      identity: this.#identity,
      leaseMs,
      clock,
      gate: this.#runs.gate,
      memory: this.#runs.memory,
      mostRuns,
      childAttempts: () => this.#attempts.lanes.get(CHILD_LANE).active,
      listener: {
        notified: (notification) => this.#notifications.notified(notification),
        lost: () => this.#lost(new TuttiError('node.fenced')),
      },
      observer,
    });
  }

  #listener(): RunListener {
    return {
      ended: (run) => this.#attempts.children.ended(run),
      reopened: (run) => void this.#attempts.children.reopened(run),
      durable: (run, durable) => this.#runs.watchers.committed(run, durable),
      unloaded: (wakeAt) => this.#membership.unloaded(wakeAt),
      postponed: (runs) => this.#membership.postpone(runs),
      fenced: (error) => this.#lost(error),
    };
  }

  #makeAttempts(): Attempts {
    return new Attempts({
      options: this.#options,
      gate: this.#runs.gate,
      memory: this.#runs.memory,
      identity: this.#identity,
      certainty: this.#membership,
      watchers: this.#runs.watchers,
      door: this.door.commands,
    });
  }

  #makeDoor(listener: RunListener): DoorHandlers {
    const { journal, clock, ids, mostRuns, leaseMs, peers, connectors, observer } = this.#options;
    const actions = catalogueOf(connectors);
    const readHere: ReadWorkflow = (source, options) =>
      Promise.resolve(readWorkflow(source, { ...options, actions }));
    return new DoorHandlers({
      journal,
      clock,
      ids,
      mostRuns,
      runs: this.#runs,
      identity: this.#identity,
      lifecycle: this.#lifecycle,
      peers,
      patienceMs: leaseMs + TAKE_OVER_MS,
      onOwnersChanged: (wake) => this.#membership.onOwnersChanged(wake),
      read: this.#options.read ?? readHere,
      deployed: () => this.#notifications.refreshPools(),
      gone: this.#options.gone,
      listener,
      observer,
    });
  }
}
