/**
 * The attempts of this node: the front page of this folder, and the order in which its parts are
 * made. Two of them know each other, and one arrow of each pair is tied here:
 *
 *   runs ──World──► reconciler ──► dispatcher ◄──tied──► pools
 *                        │              └─────tied─────► running ──► runner ──► services ──► gate
 *                        └──────tied: quiescent────────────►┘            └────► children ──► door
 */
import type { AnyConnector, Connector } from '../../connectors/kit/connector.ts';
import type { Journal } from '../../journal/journal.ts';
import type { Log } from '../../model/log.ts';
import type { Redactor } from '../../model/redactor.ts';
import type { Clock, Ids } from '../clock.ts';
import type { NodeIdentity } from '../node-identity.ts';
import type { Observer } from '../observer.ts';
import type { RunWatchers } from '../runs/run-watchers.ts';
import type { RunGate } from '../runs/run-gate.ts';
import type { RunMemory } from '../runs/run-memory.ts';
import type { SystemDirectory } from '../systems.ts';
import { AttemptRunner } from './attempt-runner.ts';
import { AttemptServices, type FoundAction, type LeaseCertainty } from './attempt-services.ts';
import { type ChildDoor, ChildRuns } from './child-runs.ts';
import { Dispatcher } from './dispatcher.ts';
import { Lanes } from './lanes.ts';
import { LogWriter } from './log-writer.ts';
import { Pools } from './pools.ts';
import { Reconciler } from './reconciler.ts';
import { RunningAttempts } from './running-attempts.ts';

/** What of the engine's options is about attempts. */
interface AttemptOptions {
  readonly journal: Journal;
  readonly connectors: readonly AnyConnector[];
  readonly systems: SystemDirectory;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly stateDirectory: string;
  readonly stateDirectoryId?: string | undefined;
  readonly redactor?: Redactor | undefined;
  readonly logLimitBytes?: number | undefined;
  readonly tokenOf?: ((run: string) => string) | undefined;
  readonly observer?: Observer | undefined;
  readonly drainMs: number;
  readonly log: Pick<Log, 'warn'>;
}

interface AttemptsParts {
  readonly options: AttemptOptions;
  readonly gate: RunGate;
  readonly memory: RunMemory;
  readonly identity: NodeIdentity;
  readonly certainty: LeaseCertainty;
  readonly watchers: RunWatchers;
  readonly door: ChildDoor;
}

export class Attempts {
  readonly lanes: Lanes;
  readonly pools: Pools;
  readonly reconciler: Reconciler;
  readonly children: ChildRuns;
  readonly running: RunningAttempts;
  readonly #dispatcher: Dispatcher;
  readonly #journal: Journal;

  constructor(parts: AttemptsParts) {
    const { options, gate } = parts;
    const { journal, clock, drainMs, log, observer } = options;
    this.#journal = journal;
    this.lanes = new Lanes(options.connectors);
    this.pools = new Pools({
      slots: journal.slots,
      identity: parts.identity,
      granted: (attempt) => this.#dispatcher.ready(attempt),
      observer,
    });
    const dispatcher = new Dispatcher({
      lanes: this.lanes,
      pools: this.pools,
      clock,
      begin: (attempt) => this.running.begin(attempt),
      observer,
    });
    this.#dispatcher = dispatcher;
    this.reconciler = new Reconciler({
      clock,
      lanes: this.lanes,
      dispatcher,
      gate,
      quiescent: (run) => this.running.quiescent(run),
    });
    const services = servicesOf(parts, dispatcher, this.reconciler);
    this.children = childrenOf(parts);
    const runner = new AttemptRunner(services, this.children);
    this.running = new RunningAttempts({ clock, dispatcher, runner, drainMs, log });
  }

  /** The pools that workflows declare, as they are deployed now. */
  async refreshPools(): Promise<void> {
    const pools = await this.#journal.pools();
    this.pools.setCapacity(new Map(pools.map(({ name, capacity }) => [name, capacity])));
  }

  /** From now on no attempt begins. */
  rest(): void {
    this.#dispatcher.stop();
  }
}

function servicesOf(
  { options, gate, certainty, watchers }: AttemptsParts,
  dispatcher: Dispatcher,
  reconciler: Reconciler,
): AttemptServices {
  const { journal, clock, redactor, logLimitBytes, observer } = options;
  const logged = (run: string): void => watchers.logged(run);
  const logs = new LogWriter({
    journal,
    clock,
    redactor,
    limitBytes: logLimitBytes,
    logged,
    observer,
  });
  return new AttemptServices({
    clock,
    logs,
    systems: options.systems,
    stateDirectory: options.stateDirectory,
    stateDirectoryId: options.stateDirectoryId,
    redactor,
    actions: actionsOf(options.connectors),
    tokenOf: options.tokenOf,
    observer,
    gate,
    dispatcher,
    reconciler,
    certainty,
  });
}

function childrenOf({ options, gate, memory, watchers, door }: AttemptsParts): ChildRuns {
  const { journal, clock, ids, observer } = options;
  return new ChildRuns({ gate, memory, journal, watchers, clock, ids, door, observer });
}

function actionsOf(connectors: readonly AnyConnector[]): ReadonlyMap<string, FoundAction> {
  const actions = new Map<string, FoundAction>();
  for (const connector of connectors as readonly Connector[])
    for (const action of connector.actions) actions.set(action.name, { action, connector });
  return actions;
}
