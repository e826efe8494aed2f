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
import { ping, setAside, reinstate } from './aside.ts';
import { Notifier } from './notifier.ts';
import { openBulks } from './bulks.ts';
import { claim, CLAIM_SETTINGS, claimRun } from './claims.ts';
import { ConnectionPool } from './connection-pool.ts';
import { sqlState, messageOf } from './faults.ts';
import { FORGET_FOREIGN, FORGET_FOREIGN_START, readFeed } from './feed.ts';
import { fenceExpired, Leases } from './lease.ts';
import { LeaseThread } from './lease-thread.ts';
import { Hosts } from './hosts.ts';
import type { ConnectionContext } from './connection.ts';
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
  INTERACTIVE_SETTINGS,
  READ_SETTINGS,
  runsByPrefix,
} from './runs.ts';
import { openSlots } from './slots.ts';
import { Stalls } from './stalls.ts';
import { deploy, findVersion, listVersions, listWorkflows } from './versions.ts';
import { LIMITS, type Limits } from './statement-watchdog.ts';

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
  const context: ConnectionContext = {
    hosts: new Hosts(hostsOf(options.connection)),
    limits: options.limits ?? LIMITS,
    ensureRunning: options.ensureRunning ?? (async () => undefined),
    closing: closing.signal,
    stalls: new Stalls(),
  };
  const { threads } = options;
  const { hosts } = context;
  const leases = new Leases(
    context,
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
  return assemble(context, closing, leases, options.connections ?? APPEND_LINES);
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
  const words = messageOf(error);
  // The server answered and refused (password, database, privileges), or it did not answer.
  const detail =
    sqlState(error) === null
      ? `The database cannot be reached: ${words}`
      : `The database refuses: ${words} (${sqlState(error)})`;
  const code = sqlState(error) === null ? 'database.unreachable' : 'database.refuses';
  return new TuttiError(code, detail, { cause: error });
}

function assemble(
  context: ConnectionContext,
  closing: AbortController,
  leases: Leases,
  width: number,
): Journal {
  const writers = new ConnectionPool(context, width, async (client) => {
    await client.query(APPEND_SETTINGS);
  });
  const claims = new ConnectionPool(context, 1, async (client) => {
    await client.query(CLAIM_SETTINGS);
  });
  const notifications = new Notifier(context);
  const logs = new ConnectionPool(context, 1, async (client) => {
    await client.query(READ_SETTINGS);
  });
  const readers = new ConnectionPool(context, READ_LINES, async (client) => {
    await client.query(READ_SETTINGS);
  });
  // What people ask is no trouble of the engine's: its stalls are told to who asked.
  const interactive = new ConnectionPool(
    { ...context, stalls: new Stalls() },
    READ_LINES,
    async (client) => {
      await client.query(INTERACTIVE_SETTINGS);
    },
  );
  // Its portions are longer than what the others ask, and nobody waits for them.
  const retiring = new ConnectionPool({ ...context, stalls: new Stalls() }, 1, async (client) => {
    await client.query(INTERACTIVE_SETTINGS);
  });
  return {
    appendConcurrency: width,
    append: (lease, batch) => {
      if (leases.replaced) return Promise.resolve({ kind: 'fenced' });
      return writers.withConnection((line) => append(line, context, lease, batch));
    },
    ...openOwnership(context, leases, notifications, claims),
    ...openReading(readers),
    appendLogs: async (rows) => {
      if (rows.length > 0) await logs.withRetry((client) => writeLogs(client, rows));
    },
    logEnd: (run, task, attempt) => logs.withRetry((client) => logEnd(client, run, task, attempt)),
    views: openViews(interactive),
    slots: openSlots(readers),
    requests: openRequests(interactive),
    bulks: openBulks(readers, interactive),
    retentions: openRetentions(retiring, interactive),
    stalls: () => [...context.stalls.sentences(), ...leases.stalls()],
    close: async () => {
      closing.abort();
      await Promise.all(
        [leases, notifications, claims, writers, logs, readers, retiring, interactive].map((each) =>
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
  context: ConnectionContext,
  leases: Leases,
  notifications: Notifier,
  claims: ConnectionPool,
): Ownership {
  return {
    register: (name, leaseMs, url) => leases.register(name, leaseMs, url),
    renew: async (lease, leaseMs) => {
      const renewal = await leases.renew(lease, leaseMs);
      notifications.renewed(renewal.othersEndInMs !== null);
      return renewal;
    },
    resign: (lease) => leases.resign(lease),
    fenceExpired: (lease) => claims.withRetry((client) => fenceExpired(client, lease)),
    claim: (lease, now, limit) =>
      claims.withConnection((line) => claim(line, context, lease, now, limit)),
    claimRun: (lease, run) => claims.withConnection((line) => claimRun(line, lease, run)),
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
  | 'reinstate'
>;

function openReading(readers: ConnectionPool): Reading {
  return {
    load: (run) => readers.withRetry((client) => loadRun(client, run)),
    loadMany: (runs) => readers.withRetry((client) => loadRuns(client, runs)),
    cancellingAbove: (run) => readers.withRetry((client) => cancellingAbove(client, run)),
    activeRuns: ({ node }, after, limit) =>
      readers.withRetry((client) => activeRuns(client, node, after, limit)),
    dueRuns: ({ node }, now, limit) =>
      readers.withRetry((client) => dueRuns(client, node, now, limit)),
    deployPool: (version) => readers.withRetry((client) => deployPool(client, version)),
    deploy: (version, beside) =>
      readers.withRetry((client) => deploy(client, version, beside ?? new Map())),
    version: (workflow, version) =>
      readers.withRetry((client) => findVersion(client, workflow, version)),
    pools: () => readers.withRetry((client) => readPools(client)),
    nodeKey: async () => {
      const { rows } = await readers.withRetry((client) => client.query<KeyRow>(NODE_KEY));
      return rows[0]?.key ?? bug('the table node_key is empty');
    },
    setAside: (lease, run, reason) =>
      readers.withRetry((client) => setAside(client, lease, run, reason)),
    reinstate: (lease, run) => readers.withRetry((client) => reinstate(client, lease, run)),
  };
}

function openViews(interactive: ConnectionPool): Views {
  return {
    runs: (filter) => interactive.withDeadline((client) => listRuns(client, filter)),
    run: (id) => interactive.withDeadline((client) => findRun(client, id)),
    runsByPrefix: (prefix) => interactive.withDeadline((client) => runsByPrefix(client, prefix)),
    marked: (run, mark) => interactive.withDeadline((client) => isMarked(client, run, mark)),
    events: (run, after, limit) =>
      interactive.withDeadline((client) => loadEvents(client, run, after, limit)),
    logs: (filter) => interactive.withDeadline((client) => readLogs(client, filter)),
    workflows: (after, limit) =>
      interactive.withDeadline((client) => listWorkflows(client, after, limit)),
    versions: (workflow, after, limit) =>
      interactive.withDeadline((client) => listVersions(client, workflow, after, limit)),
    nodes: async () => {
      const { rows } = await interactive.withDeadline((client) => client.query(NODES));
      return rows as Awaited<ReturnType<Views['nodes']>>;
    },
    feed: (after, limit) => interactive.withDeadline((client) => readFeed(client, after, limit)),
    ping: () => interactive.withDeadline(ping),
  };
}
