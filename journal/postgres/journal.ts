/**
 * The journal on PostgreSQL: the port's methods, each on the line that suits it.
 *
 * Appends have dedicated lines (`width`), logs one, reads a few, the lease one whose session
 * holds the node's lock. Nothing here waits in a queue behind a reader of people.
 */
import type pg from 'pg';
import { bug, TuttiError } from '../../model/errors.ts';
import type { Host } from '../connection-string.ts';
import type { Journal, Views } from '../journal.ts';
import { OPEN_COUNTED_MAX } from '../nodes.ts';
import { cancellingAbove } from './ancestors.ts';
import { append, APPEND_SETTINGS } from './append.ts';
import { ping, setAside, takeBack } from './aside.ts';
import { Notifier } from './notifier.ts';
import { openBulks } from './bulks.ts';
import { claim, CLAIM_SETTINGS, claimRun } from './claims.ts';
import { Desk } from './desk.ts';
import { sqlState, wordsOf } from './faults.ts';
import { FORGET_FOREIGN, FORGET_FOREIGN_START, readFeed } from './feed.ts';
import { fenceExpired, Leases } from './lease.ts';
import { LeaseThread } from './lease-thread.ts';
import { Hosts } from './hosts.ts';
import type { Source } from './line.ts';
import { logEnd, readLogs, writeLogs } from './logs.ts';
import { checkVersion, migrate } from './migrate.ts';
import { deployPool, readPools } from './pools.ts';
import { openRequests } from './requests.ts';
import { openRetentions } from './retentions.ts';
import { listRuns } from './run-lists.ts';
import {
  activeRuns,
  dueRuns,
  findRun,
  isMarked,
  loadEvents,
  loadRun,
  loadRuns,
  PEOPLE_SETTINGS,
  READ_SETTINGS,
  runsByPrefix,
} from './runs.ts';
import { openSlots } from './slots.ts';
import { Stalls } from './stalls.ts';
import { deploy, findVersion, listVersions, listWorkflows } from './versions.ts';
import { LIMITS, type Limits } from './vigil.ts';

export interface PostgresJournalOptions {
  /** One server, or the hosts of a connection string, one of which takes writes. */
  readonly connection: pg.ClientConfig | readonly Host[];
  /** Asked before a connection that follows a loss or a try that failed: the embedded server's. */
  readonly ensureRunning?: () => Promise<void>;
  /** Appends under way at once. */
  readonly connections?: number;
  readonly limits?: Limits;
  /** A node's lease is kept by a thread while its loop is busy. */
  readonly threads?: boolean;
}

/** While the server writes one batch, the next one is made: more only compete for its processors. */
const APPEND_LINES = 2;
const READ_LINES = 3;

export const NODES = `
select id as node, name, epoch::float8 as epoch, url, host, pid,
  coalesce(round(date_part('epoch', until) * 1000), 0) as "leaseUntil",
  coalesce(until > now(), false) as alive,
  round(date_part('epoch', registered_at) * 1000) as "registeredAt",
  (select count(*)::int from (select from runs where owner = nodes.id
    and ended_at is null and wake_at is null limit ${OPEN_COUNTED_MAX}) as open) as active,
  (select count(*)::int from (select from runs where owner = nodes.id
    and ended_at is null and wake_at is not null limit ${OPEN_COUNTED_MAX}) as open) as asleep
from nodes left join leases on leases.node = nodes.id order by id`;

interface KeyRow {
  readonly key: Uint8Array;
}
export const NODE_KEY = 'select key from node_key';

export async function openPostgresJournal(options: PostgresJournalOptions): Promise<Journal> {
  const closing = new AbortController();
  const source: Source = {
    hosts: new Hosts(hostsOf(options.connection)),
    limits: options.limits ?? LIMITS,
    ensureRunning: options.ensureRunning ?? (async () => undefined),
    closing: closing.signal,
    stalls: new Stalls(),
  };
  const { threads } = options;
  const { hosts } = source;
  const leases = new Leases(
    source,
    threads === true ? (lease, leaseMs) => new LeaseThread(hosts.all, lease, leaseMs) : undefined,
  );
  try {
    const client = await leases.connectOnce();
    await checkVersion(client);
    await migrate(client);
    await client.query(FORGET_FOREIGN);
    await client.query(FORGET_FOREIGN_START);
  } catch (error) {
    closing.abort();
    await leases.close();
    throw openingError(error);
  }
  return assemble(source, closing, leases, options.connections ?? APPEND_LINES);
}

function hostsOf(connection: PostgresJournalOptions['connection']): readonly Host[] {
  if (isList(connection)) return connection;
  const name = `${connection.host ?? 'localhost'}:${connection.port ?? 5432}`;
  return [{ name, connection }];
}

function isList(connection: PostgresJournalOptions['connection']): connection is readonly Host[] {
  return Array.isArray(connection);
}

function openingError(error: unknown): TuttiError {
  if (error instanceof TuttiError) return error;
  const words = wordsOf(error);
  // The server answered and refused (password, database, privileges), or it did not answer.
  const detail =
    sqlState(error) === null
      ? `The database cannot be reached: ${words}`
      : `The database refuses: ${words} (${sqlState(error)})`;
  const code = sqlState(error) === null ? 'database.unreachable' : 'database.refuses';
  return new TuttiError(code, detail, { cause: error });
}

function assemble(
  source: Source,
  closing: AbortController,
  leases: Leases,
  width: number,
): Journal {
  const writers = new Desk(source, width, async (client) => {
    await client.query(APPEND_SETTINGS);
  });
  const claims = new Desk(source, 1, async (client) => {
    await client.query(CLAIM_SETTINGS);
  });
  const notifications = new Notifier(source);
  const logs = new Desk(source, 1, async (client) => {
    await client.query(READ_SETTINGS);
  });
  const readers = new Desk(source, READ_LINES, async (client) => {
    await client.query(READ_SETTINGS);
  });
  // What people ask is no trouble of the engine's: its stalls are told to who asked.
  const people = new Desk({ ...source, stalls: new Stalls() }, READ_LINES, async (client) => {
    await client.query(PEOPLE_SETTINGS);
  });
  // Its portions are longer than what the others ask, and nobody waits for them.
  const retiring = new Desk({ ...source, stalls: new Stalls() }, 1, async (client) => {
    await client.query(PEOPLE_SETTINGS);
  });
  return {
    width,
    append: (lease, batch) => {
      if (leases.replaced) return Promise.resolve({ kind: 'fenced' });
      return writers.with((line) => append(line, source, lease, batch));
    },
    ...openOwnership(source, leases, notifications, claims),
    ...openReading(readers),
    appendLogs: async (rows) => {
      if (rows.length > 0) await logs.patiently((client) => writeLogs(client, rows));
    },
    logEnd: (run, task, attempt) => logs.patiently((client) => logEnd(client, run, task, attempt)),
    views: openViews(people),
    slots: openSlots(readers),
    requests: openRequests(people),
    bulks: openBulks(readers, people),
    retentions: openRetentions(retiring, people),
    stalls: () => [...source.stalls.sentences(), ...leases.stalls()],
    close: async () => {
      closing.abort();
      await Promise.all(
        [leases, notifications, claims, writers, logs, readers, retiring, people].map((each) =>
          each.close(),
        ),
      );
    },
  };
}

type Ownership = Pick<
  Journal,
  'register' | 'renew' | 'resign' | 'fenceExpired' | 'claim' | 'claimRun' | 'listen' | 'notify'
>;

function openOwnership(
  source: Source,
  leases: Leases,
  notifications: Notifier,
  claims: Desk,
): Ownership {
  return {
    register: (name, leaseMs, url) => leases.register(name, leaseMs, url),
    renew: async (lease, leaseMs) => {
      const renewal = await leases.renew(lease, leaseMs);
      notifications.renewed(renewal.othersEndInMs !== null);
      return renewal;
    },
    resign: (lease) => leases.resign(lease),
    fenceExpired: (lease) => claims.patiently((client) => fenceExpired(client, lease)),
    claim: (lease, now, limit) => claims.with((line) => claim(line, source, lease, now, limit)),
    claimRun: (lease, run) => claims.with((line) => claimRun(line, lease, run)),
    listen: (receive) => notifications.listen(receive),
    notify: () => notifications.notify(),
  };
}

type Reading = Pick<
  Journal,
  | 'load'
  | 'loadMany'
  | 'cancellingAbove'
  | 'activeRuns'
  | 'dueRuns'
  | 'deploy'
  | 'deployPool'
  | 'version'
  | 'pools'
  | 'nodeKey'
  | 'setAside'
  | 'takeBack'
>;

function openReading(readers: Desk): Reading {
  return {
    load: (run) => readers.patiently((client) => loadRun(client, run)),
    loadMany: (runs) => readers.patiently((client) => loadRuns(client, runs)),
    cancellingAbove: (run) => readers.patiently((client) => cancellingAbove(client, run)),
    activeRuns: ({ node }, after, limit) =>
      readers.patiently((client) => activeRuns(client, node, after, limit)),
    dueRuns: ({ node }, now, limit) =>
      readers.patiently((client) => dueRuns(client, node, now, limit)),
    deployPool: (version) => readers.patiently((client) => deployPool(client, version)),
    deploy: (version, beside) =>
      readers.patiently((client) => deploy(client, version, beside ?? new Map())),
    version: (workflow, version) =>
      readers.patiently((client) => findVersion(client, workflow, version)),
    pools: () => readers.patiently((client) => readPools(client)),
    nodeKey: async () => {
      const { rows } = await readers.patiently((client) => client.query<KeyRow>(NODE_KEY));
      return rows[0]?.key ?? bug('the table node_key is empty');
    },
    setAside: (lease, run, reason) =>
      readers.patiently((client) => setAside(client, lease, run, reason)),
    takeBack: (lease, run) => readers.patiently((client) => takeBack(client, lease, run)),
  };
}

function openViews(people: Desk): Views {
  return {
    runs: (filter) => people.briefly((client) => listRuns(client, filter)),
    run: (id) => people.briefly((client) => findRun(client, id)),
    runsByPrefix: (prefix) => people.briefly((client) => runsByPrefix(client, prefix)),
    marked: (run, mark) => people.briefly((client) => isMarked(client, run, mark)),
    events: (run, after, limit) =>
      people.briefly((client) => loadEvents(client, run, after, limit)),
    logs: (filter) => people.briefly((client) => readLogs(client, filter)),
    workflows: (after, limit) => people.briefly((client) => listWorkflows(client, after, limit)),
    versions: (workflow, after, limit) =>
      people.briefly((client) => listVersions(client, workflow, after, limit)),
    nodes: async () => {
      const { rows } = await people.briefly((client) => client.query(NODES));
      return rows as Awaited<ReturnType<Views['nodes']>>;
    },
    feed: (after, limit) => people.briefly((client) => readFeed(client, after, limit)),
    ping: () => people.briefly(ping),
  };
}
