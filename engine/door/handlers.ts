/**
 * The door, put together: the front page of this folder, and the order in which its parts are made.
 *
 *   commands ──► courier ──► here: the gate of engine/runs, or the peer that owns the run
 *      ▲
 *      └── bulks: each of their commands is an ordinary one
 */
import type { Journal } from '../../journal/journal.ts';
import type { WakeSource } from '../../model/wait-for.ts';
import type { Clock, Ids } from '../clock.ts';
import type { Door, News, Peer } from '../door.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { NodeIdentity } from '../node-identity.ts';
import type { Observer } from '../observer.ts';
import type { RunListener } from '../runs/run-listener.ts';
import type { Runs } from '../runs/runs.ts';
import { BulkHandler } from './bulks.ts';
import { CommandHandler } from './commands.ts';
import { Courier } from './courier.ts';
import { DeploymentHandler, type ReadWorkflow } from './deployments.ts';
import { Peers } from './peers.ts';
import { QueryHandler } from './queries.ts';
import { RepairHandler } from './repairs.ts';
import { RetentionHandler } from './retentions.ts';

interface DoorParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly mostRuns: number;
  readonly runs: Runs;
  readonly identity: NodeIdentity;
  readonly lifecycle: Lifecycle;
  /** The door of another node by its address. */
  readonly peers: ((url: string) => Peer) | undefined;
  /** How long the owner of a run may be away. */
  readonly patienceMs: number;
  /** Calls back when runs may have changed hands; the result takes it back. */
  readonly onOwnersChanged: WakeSource;
  /** Reads a workflow file, with the actions that there are. */
  readonly read: ReadWorkflow;
  /** Pools may have another capacity now. */
  readonly deployed: () => Promise<void>;
  /** Hears which runs retention has deleted. */
  readonly gone: ((runs: readonly string[]) => void) | undefined;
  readonly listener: RunListener;
  readonly observer: Observer | undefined;
}

export class DoorHandlers implements Door {
  readonly commands: CommandHandler;
  readonly runs: QueryHandler;
  readonly deployments: DeploymentHandler;
  readonly repairs: RepairHandler;
  readonly bulks: BulkHandler;
  readonly retentions: RetentionHandler;
  readonly news: News;
  readonly #lifecycle: Lifecycle;
  readonly #journal: Journal;

  constructor(parts: DoorParts) {
    const { journal, clock, observer, runs, identity, lifecycle, listener } = parts;
    const { gate, memory, versions, watchers } = runs;
    const { ids, mostRuns, read, deployed, gone } = parts;
    const courier = courierOf(parts);
    const around = { journal, clock, observer, identity, lifecycle };
    this.commands = new CommandHandler({
      gate,
      memory,
      versions,
      lifecycle,
      courier,
      clock,
      ids,
      mostRuns,
    });
    this.runs = new QueryHandler({ ...around, gate, memory, versions, courier, watchers });
    this.deployments = new DeploymentHandler({ ...around, versions, read, deployed });
    this.repairs = new RepairHandler({ ...around, versions, gate, listener });
    this.bulks = new BulkHandler({ ...around, commands: this.commands });
    this.retentions = new RetentionHandler({ ...around, gone });
    this.news = watchers;
    this.#lifecycle = lifecycle;
    this.#journal = journal;
  }

  stalls(): readonly string[] {
    return [...this.#lifecycle.stalls(), ...this.#journal.stalls()];
  }

  /** Bulk commands and retentions whose node is gone, and this node's own from before. */
  async claimErrands(): Promise<void> {
    await this.bulks.claim();
    await this.retentions.claim();
  }

  /** From now on no errand is worked off here. */
  rest(): void {
    this.bulks.stop();
    this.retentions.stop();
  }
}

function courierOf({
  journal,
  clock,
  peers,
  patienceMs,
  onOwnersChanged,
  observer,
}: DoorParts): Courier {
  return new Courier({
    peers: new Peers(journal.views, peers),
    clock,
    patienceMs,
    onOwnersChanged,
    observer,
  });
}
