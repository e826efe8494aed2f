/**
 * Every metric of Tutti: its name, what it means with its unit, its labels, and where its samples
 * come from. Names follow Prometheus: the unit last, `_total` for what only grows. Labels are
 * few and bounded: never the id of a run.
 */
import type { EngineReadings } from '../../engine/observer.ts';
import type { EngineCounts } from './counts.ts';
import type { Bounded, CountsByWord, Tally } from './tally.ts';

export interface Watched {
  readonly counts: EngineCounts;
  /** The engine as it is now; undefined while there is none. */
  readonly readings: EngineReadings | undefined;
  readonly version: string;
}

/** Values of the labels, in their order, and the value of the sample. */
type Samples<V> = Iterable<readonly [labels: readonly string[], value: V]>;

interface About {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}
export interface Plain extends About {
  readonly type: 'counter' | 'gauge';
  readonly read: (watched: Watched) => Samples<number>;
}
export interface Distribution extends About {
  readonly type: 'histogram';
  readonly read: (watched: Watched) => Samples<Tally>;
}
type Metric = Plain | Distribution;

export const METRICS: readonly Metric[] = [
  {
    name: 'tutti_runs_started_total',
    type: 'counter',
    help: 'Runs that this node started.',
    labels: ['workflow'],
    read: ({ counts }) => each(counts.workflows, (workflow) => workflow.started),
  },
  {
    name: 'tutti_runs_ended_total',
    type: 'counter',
    help: 'Runs that ended on this node: succeeded, failed, timed-out or cancelled.',
    labels: ['workflow', 'end'],
    read: ({ counts }) => eachWord(counts.workflows, (workflow) => workflow.ended),
  },
  {
    name: 'tutti_run_duration_seconds',
    type: 'histogram',
    help: 'From the start of a run to its end, in seconds; of a restarted run, from its first start.',
    labels: ['workflow'],
    read: ({ counts }) => eachTally(counts.workflows, (workflow) => workflow.duration),
  },
  {
    name: 'tutti_runs_in_memory',
    type: 'gauge',
    help: 'Runs that this node works on now; runs that sleep are not in memory.',
    labels: ['workflow'],
    read: ({ counts, readings }) => runsInMemory(counts, readings?.runs),
  },
  {
    name: 'tutti_runs_in_memory_limit',
    type: 'gauge',
    help: 'Runs in memory at most; more wait in the journal.',
    labels: [],
    read: ({ readings }) => one(readings?.mostRuns),
  },
  {
    name: 'tutti_attempts_ended_total',
    type: 'counter',
    help: 'Attempts of tasks that ended: as the task did, or retried after a failure, or repeated by until.',
    labels: ['action', 'end'],
    read: ({ counts }) => eachWord(counts.actions, (action) => action.ended),
  },
  {
    name: 'tutti_attempt_duration_seconds',
    type: 'histogram',
    help: 'From the start of an attempt to its end, in seconds.',
    labels: ['action'],
    read: ({ counts }) => eachTally(counts.actions, (action) => action.duration),
  },
  {
    name: 'tutti_attempt_queue_seconds',
    type: 'histogram',
    help: 'How long attempts waited for room in their lane and their pools, in seconds.',
    labels: ['action'],
    read: ({ counts }) => eachTally(counts.actions, (action) => action.queue),
  },
  {
    name: 'tutti_attempt_errors_total',
    type: 'counter',
    help: 'Attempts that failed, whether they are retried or not, by the class of their error; unknown: their outcome could not be told.',
    labels: ['workflow', 'action', 'class'],
    read: ({ counts }) => errors(counts),
  },
  {
    name: 'tutti_lane_attempts',
    type: 'gauge',
    help: 'Attempts under way, by lane: the connector, or workflow for child runs.',
    labels: ['lane'],
    read: ({ readings }) => list(readings?.lanes, ({ lane, active }) => [[lane], active]),
  },
  {
    name: 'tutti_lane_limit',
    type: 'gauge',
    help: 'Attempts that a lane has room for on this node.',
    labels: ['lane'],
    read: ({ readings }) => list(readings?.lanes, ({ lane, limit }) => [[lane], limit]),
  },
  {
    name: 'tutti_lane_overdue',
    type: 'gauge',
    help: 'Calls of a lane that were given up after their timeout or cancellation and have not come back.',
    labels: ['lane'],
    read: ({ readings }) => list(readings?.lanes, ({ lane, overdue }) => [[lane], overdue]),
  },
  {
    name: 'tutti_lane_queue',
    type: 'gauge',
    help: 'Attempts that wait for room in their lane.',
    labels: ['lane'],
    read: ({ readings }) => list(readings?.lanes, ({ lane, queued }) => [[lane], queued]),
  },
  {
    name: 'tutti_pool_slots_used',
    type: 'gauge',
    help: 'Slots of a pool that tasks of this node hold.',
    labels: ['pool'],
    read: ({ readings }) => list(readings?.pools, ({ pool, used }) => [[pool], used]),
  },
  {
    name: 'tutti_pool_slots',
    type: 'gauge',
    help: 'Slots that a pool has.',
    labels: ['pool'],
    read: ({ readings }) => list(readings?.pools, ({ pool, capacity }) => [[pool], capacity]),
  },
  {
    name: 'tutti_batch_events',
    type: 'histogram',
    help: 'Events that were committed in one transaction.',
    labels: [],
    read: ({ counts }) => one(counts.batches.events),
  },
  {
    name: 'tutti_batch_runs',
    type: 'histogram',
    help: 'Runs whose events were committed in one transaction.',
    labels: [],
    read: ({ counts }) => one(counts.batches.runs),
  },
  {
    name: 'tutti_commit_duration_seconds',
    type: 'histogram',
    help: 'From handing a batch to the database to its commit, in seconds.',
    labels: [],
    read: ({ counts }) => one(counts.batches.commit),
  },
  {
    name: 'tutti_unwritten_events',
    type: 'gauge',
    help: 'Events that are decided and not committed yet.',
    labels: [],
    read: ({ readings }) => one(readings?.unwrittenEvents),
  },
  {
    name: 'tutti_wake_lateness_seconds',
    type: 'histogram',
    help: 'How long after their time sleeping runs were woken, in seconds.',
    labels: [],
    read: ({ counts }) => one(counts.lateness),
  },
  {
    name: 'tutti_lease_age_seconds',
    type: 'gauge',
    help: 'Seconds since this node last renewed its lease.',
    labels: [],
    read: ({ counts }) => one(counts.leaseAgeSeconds()),
  },
  {
    name: 'tutti_lease_duration_seconds',
    type: 'gauge',
    help: 'Seconds after which a lease that is not renewed has ended.',
    labels: [],
    read: ({ readings }) => one(readings && readings.leaseMs / 1_000),
  },
  {
    name: 'tutti_lease_renewals_total',
    type: 'counter',
    help: 'Times that this node took or renewed its lease.',
    labels: [],
    read: ({ counts }) => one(counts.lease.renewals),
  },
  {
    name: 'tutti_runs_claimed_total',
    type: 'counter',
    help: 'Runs that this node took over from nodes that are gone, or that had no owner.',
    labels: [],
    read: ({ counts }) => one(counts.facts.claims),
  },
  {
    name: 'tutti_runs_set_aside_total',
    type: 'counter',
    help: 'Runs that this node set aside, because their history cannot be read or written.',
    labels: [],
    read: ({ counts }) => one(counts.facts.asides),
  },
  {
    name: 'tutti_nodes_fenced_total',
    type: 'counter',
    help: 'Other nodes that this node fenced, because their lease had ended.',
    labels: [],
    read: ({ counts }) => one(counts.facts.fenced),
  },
  {
    name: 'tutti_engine_troubles_total',
    type: 'counter',
    help: 'What failed inside of the engine and was continued or tried again, by what it was; the log says more.',
    labels: ['what'],
    read: ({ counts }) => list([...counts.troubles], ([what, times]) => [[what], times]),
  },
  {
    name: 'tutti_notifications_total',
    type: 'counter',
    help: 'Notifications that this node received from other nodes, by what they are about.',
    labels: ['about'],
    read: ({ counts }) =>
      list([...counts.notifications], ([notification, value]) => [[notification], value]),
  },
  {
    name: 'tutti_stalled',
    type: 'gauge',
    help: '1 while the engine of this node or its database cannot work, else 0.',
    labels: [],
    read: ({ readings }) => one(readings && Number(readings.stalled)),
  },
  {
    name: 'tutti_database_stalled',
    type: 'gauge',
    help: '1 while the database keeps this node from writing, else 0.',
    labels: [],
    read: ({ readings }) => one(readings && Number(readings.databaseStalled)),
  },
  {
    name: 'tutti_build_info',
    type: 'gauge',
    help: 'Always 1; its labels say which version runs.',
    labels: ['version'],
    read: ({ version }) => [[[version], 1]],
  },
];

function one<V>(value: V | undefined): Samples<V> {
  return value === undefined ? [] : [[[], value]];
}

function list<T, V>(
  items: readonly T[] | undefined,
  sample: (item: T) => readonly [readonly string[], V],
): Samples<V> {
  return (items ?? []).map(sample);
}

function each<T>(named: Bounded<T>, value: (item: T) => number): Samples<number> {
  return Array.from(named.entries(), ([name, item]) => [[name], value(item)]);
}

function eachTally<T>(named: Bounded<T>, tally: (item: T) => Tally): Samples<Tally> {
  const all = Array.from(named.entries(), ([name, item]) => [[name], tally(item)] as const);
  return all.filter(([, item]) => !item.isEmpty);
}

function eachWord<T>(named: Bounded<T>, counts: (item: T) => CountsByWord): Samples<number> {
  return Array.from(named.entries()).flatMap(([name, item]) =>
    Array.from(counts(item), ([word, value]) => [[name, word], value] as const),
  );
}

function errors(counts: EngineCounts): Samples<number> {
  return Array.from(counts.errors.entries()).flatMap(([workflow, actions]) =>
    Array.from(eachWord(actions, (classes) => classes)).map(
      ([labels, value]) => [[workflow, ...labels], value] as const,
    ),
  );
}

function runsInMemory(
  counts: EngineCounts,
  runs: ReadonlyMap<string, number> = new Map(),
): Samples<number> {
  const byLabel = new Map<string, number>();
  for (const [name] of counts.workflows.entries()) byLabel.set(name, 0);
  for (const [workflow, value] of runs) {
    const label = counts.workflows.label(workflow);
    byLabel.set(label, (byLabel.get(label) ?? 0) + value);
  }
  return Array.from(byLabel, ([workflow, value]) => [[workflow], value]);
}
