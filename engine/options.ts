/** What the engine is given, and what stands where nothing is given: said here once. */
import type { AnyConnector } from '../connectors/kit/connector.ts';
import type { Journal } from '../journal/journal.ts';
import type { Log } from '../model/log.ts';
import type { Redactor } from '../model/redactor.ts';
import type { Chance, Clock, Ids } from './clock.ts';
import type { Peer } from './door.ts';
import type { ReadWorkflow } from './door/deployments.ts';
import type { Observer } from './observer.ts';
import type { SystemDirectory } from './systems.ts';

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
  /** Identifies that folder: what an attempt left there is found again only where it was begun. */
  readonly stateDirectoryId?: string;
  /** Blacks secrets out of what attempts leave; without one there are none. */
  readonly redactor?: Redactor | undefined;
  /** How much of an attempt's log is kept. */
  readonly logLimitBytes?: number | undefined;
  readonly log: Log;
  /** Without a renewal for so long the node is taken for gone. */
  readonly leaseMs?: number;
  /** Hears what happens; without one watching costs nothing. */
  readonly observer?: Observer;
  /** Runs in memory at most; more wait in the journal. */
  readonly mostRuns?: number;
  /** See the kernel's context: the simulator settles one event at a time in some of its runs. */
  readonly settledAtOnce?: number;
  /** The door of another node by its address; without it commands for its runs are refused. */
  readonly peers?: (url: string) => Peer;
  /** What a job of the run shows to the API: it may look at that run and act on it. */
  readonly tokenOf?: (run: string) => string;
  /** How long calls may take to end when the node stops. */
  readonly drainMs?: number;
  /** Hears which runs retention has deleted. */
  readonly gone?: (runs: readonly string[]) => void;
  /** Reads workflow files; without it they are read on this thread. */
  readonly read?: ReadWorkflow;
}

export const DEFAULTS = { leaseMs: 5_000, mostRuns: 10_000, drainMs: 10_000 } as const;

/** The options with the defaults in them. */
export type ReadyOptions = EngineOptions & Readonly<Record<keyof typeof DEFAULTS, number>>;
