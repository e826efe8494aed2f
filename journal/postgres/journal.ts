/**
 * The journal on PostgreSQL: the port's methods, each on the connections that suit it.
 *
 * Appends have connections of their own (`appendConcurrency`), logs one, reads a few, the lease one whose
 * session holds the node's lock. Statements of the engine never queue behind those of people.
 *
 * A noun's file has functions on a client; the tables here and there say which of them are methods of the
 * port, and the pool of a table says whether they wait for a database that is away or fail.
 */
import type pg from 'pg';
import { TuttiError } from '../../model/errors.ts';
import { type Log, SILENT } from '../../model/log.ts';
import type { Host } from '../connection-string.ts';
import type { Journal } from '../journal.ts';
import type { Notifications } from '../notifications.ts';
import type { Ownership } from '../ownership.ts';
import { cancellingAbove } from './ancestors.ts';
import { append, APPEND_SETTINGS } from './append.ts';
import { ping, setAside, reinstate } from './aside.ts';
import { Notifier } from './notifier.ts';
import { BULK_VIEWS, BULK_WORK } from './bulks.ts';
import { claim, CLAIM_SETTINGS, claimRun } from './claims.ts';
import { ConnectionPool } from './connection-pool.ts';
import { sqlState, messageOf } from './faults.ts';
import { FORGET_FOREIGN, FORGET_FOREIGN_START, readFeed } from './feed.ts';
import { fenceExpired, Leases } from './lease.ts';
import { LeaseThread } from './lease-thread.ts';
import { Hosts } from './hosts.ts';
import type { ConnectionContext } from './connection.ts';
import { appendLogs, logEnd, readLogs } from './logs.ts';
import { checkVersion, migrate, type Migration } from './migrate.ts';
import { listNodes, nodeKey } from './nodes.ts';
import { deployPool, readPools } from './pools.ts';
import { REQUESTS } from './requests.ts';
import { RETENTION_VIEWS, RETENTION_WORK } from './retentions.ts';
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
import { SLOTS } from './slots.ts';
import { Stalls } from './stalls.ts';
import { deploy, findVersion, listVersions, listWorkflows } from './versions.ts';
import { LIMITS, type StatementLimits } from './statement-watchdog.ts';

export interface PostgresJournalOptions {
  /** One server, or the hosts of a connection string, one of which takes writes. */
  readonly connection: pg.ClientConfig | readonly Host[];
  /** Asked before a connection that follows a loss or a try that failed: the embedded server's. */
  readonly ensureRunning?: () => Promise<void>;
  /** Appends under way at once. */
  readonly connections?: number;
  readonly limits?: StatementLimits;
  /** A node's lease is kept by a thread while its loop is busy. */
  readonly threads?: boolean;
  /** Told what the journal does by itself, and when the database keeps it from working. */
  readonly log?: Log;
}

/** While the server writes one batch, the next one is made: more only compete for its processors. */
const APPEND_CONNECTIONS = 2;
const READ_CONNECTIONS = 3;

export async function openPostgresJournal(options: PostgresJournalOptions): Promise<Journal> {
  const closing = new AbortController();
  const { threads, log = SILENT } = options;
  const context: ConnectionContext = {
    hosts: new Hosts(hostsOf(options.connection)),
    limits: options.limits ?? LIMITS,
    ensureRunning: options.ensureRunning ?? (async () => undefined),
    closing: closing.signal,
    stalls: new Stalls(log),
  };
  const { hosts } = context;
  const leases = new Leases(
    context,
    threads === true
      ? (lease, leaseMs) => new LeaseThread(hosts.all, lease, leaseMs, log)
      : undefined,
  );
  try {
    const client = await leases.connectOnce();
    await checkVersion(client);
    tellMigrations(await migrate(client), log);
    await client.query(FORGET_FOREIGN);
    await client.query(FORGET_FOREIGN_START);
  } catch (error) {
    closing.abort();
    await leases.close();
    throw openingError(error);
  }
  return assemble(context, closing, leases, options.connections ?? APPEND_CONNECTIONS);
}

function tellMigrations(applied: readonly Migration[], log: Log): void {
  const last = applied.at(-1);
  if (last === undefined) return;
  const migrations = applied.map(({ number, name }) => `${number} ${name}`);
  log.info({ migrations }, `The schema of the database was brought to migration ${last.number}.`);
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
  appendConcurrency: number,
): Journal {
  const writers = new ConnectionPool(context, appendConcurrency, setting(APPEND_SETTINGS));
  const claims = new ConnectionPool(context, 1, setting(CLAIM_SETTINGS));
  const logs = new ConnectionPool(context, 1, setting(READ_SETTINGS));
  const readers = new ConnectionPool(context, READ_CONNECTIONS, setting(READ_SETTINGS));
  // The stalls of what people ask are answered to them: they do not keep the engine from working.
  const apart = { ...context, stalls: new Stalls() };
  const interactive = new ConnectionPool(apart, READ_CONNECTIONS, setting(INTERACTIVE_SETTINGS));
  // Portions of a retention take longer than other statements, and no statement waits behind them.
  const retiring = new ConnectionPool(apart, 1, setting(INTERACTIVE_SETTINGS));
  const notifier = new Notifier(context);
  const opened = [leases, notifier, claims, writers, logs, readers, retiring, interactive];
  return {
    appendConcurrency,
    append: (lease, batch) => {
      if (leases.replaced) return Promise.resolve({ kind: 'fenced' });
      return writers.withConnection((connection) => append(connection, context, lease, batch));
    },
    ...openOwnership(context, leases, notifier, claims),
    ...readers.retrying(READS),
    ...logs.retrying({ appendLogs, logEnd }),
    views: interactive.limited(VIEWS),
    slots: readers.retrying(SLOTS),
    requests: interactive.limited(REQUESTS),
    bulks: { ...readers.retrying(BULK_WORK), ...interactive.limited(BULK_VIEWS) },
    retentions: { ...retiring.retrying(RETENTION_WORK), ...interactive.limited(RETENTION_VIEWS) },
    stalls: () => [...context.stalls.sentences(), ...leases.stalls()],
    close: async () => {
      closing.abort();
      await Promise.all(opened.map((each) => each.close()));
    },
  };
}

function setting(settings: string): (client: pg.Client) => Promise<void> {
  return async (client) => {
    await client.query(settings);
  };
}

function openOwnership(
  context: ConnectionContext,
  leases: Leases,
  notifier: Notifier,
  claims: ConnectionPool,
): Ownership & Notifications {
  return {
    register: (name, leaseMs, url) => leases.register(name, leaseMs, url),
    renew: async (lease, leaseMs) => {
      const renewal = await leases.renew(lease, leaseMs);
      notifier.renewed(renewal.othersEndInMs !== null);
      return renewal;
    },
    resign: (lease) => leases.resign(lease),
    ...claims.retrying({ fenceExpired }),
    claim: (lease, now, limit) =>
      claims.withConnection((connection) => claim(connection, context, lease, now, limit)),
    claimRun: (lease, run) =>
      claims.withConnection((connection) => claimRun(connection, lease, run)),
    listen: (receive) => notifier.listen(receive),
    notify: () => notifier.notify(),
  };
}

/** What the engine reads and writes beside its appends. */
const READS = {
  load: loadRun,
  loadMany: loadRuns,
  cancellingAbove,
  activeRuns,
  dueRuns,
  setAside,
  reinstate,
  deploy,
  version: findVersion,
  deployPool,
  pools: readPools,
  nodeKey,
};

/** What people read. */
const VIEWS = {
  runs: listRuns,
  run: findRun,
  runsByPrefix,
  marked: isMarked,
  events: loadEvents,
  logs: readLogs,
  workflows: listWorkflows,
  versions: listVersions,
  nodes: listNodes,
  feed: readFeed,
  ping,
};
