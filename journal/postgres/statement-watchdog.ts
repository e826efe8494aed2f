/**
 * Watches statements: what to do about one that has had no answer for a few seconds.
 *
 * A host that vanishes sends no farewell: the connection stands half-open, and TCP would take many
 * minutes to notice. A slow server, a lock, a standby that is away look the same from here. So a
 * second connection goes and looks, while the statement waits:
 *
 * - the host does not answer, is a standby by now, or a newer primary answers elsewhere: sever
 * - the server knows nothing of our statement: it, or its answer, was lost on the way: sever
 * - the server is busy with it: wait on, and say on what
 *
 * Severing is always safe, as the loss of a connection is: the caller looks in the journal before it
 * asks again. A network that is merely slow must not be severed again and again, so each severing
 * doubles the patience, until a statement passes.
 */
import type pg from 'pg';
import { sqlState, Unfit, messageOf } from './faults.ts';
import type { ServerSession, Hosts } from './hosts.ts';
import type { Stalls } from './stalls.ts';

export interface StatementLimits {
  /** Silence after which a second connection checks. */
  readonly quietMs: number;
  /** Silence that `/readyz` reports. */
  readonly slowMs: number;
}

export const LIMITS: StatementLimits = { quietMs: 2_000, slowMs: 5_000 };

/** Silence with no word about its reason: the server has no connection left to ask by. */
const UNKNOWN_LIMIT_MS = 30_000;
const PATIENCE_MAX_MS = 32_000;
const VISIT_MIN_MS = 3_000;

export interface WatchContext {
  readonly hosts: Hosts;
  readonly stalls: Stalls;
  readonly limits: StatementLimits;
}

export interface WatchedConnection {
  /** Milliseconds. */
  patienceMs: number;
}

export const BACKEND = `
select state, wait_event_type as "waitType", wait_event as wait,
  coalesce(clock_timestamp() - state_change > interval '1 second', false) as settled
from pg_stat_activity where pid = $1`;

interface Backend {
  readonly state: string | null;
  readonly waitType: string | null;
  readonly wait: string | null;
  readonly settled: boolean;
}

interface Verdict {
  /** `gone`: the whole host. `dead`: this connection. */
  readonly kind: 'gone' | 'dead' | 'alive' | 'unknown';
  readonly reason: string;
}

/** Begins with a statement; what it returns is called when the statement is over. */
export function watchForAnswer(
  watched: WatchContext,
  line: WatchedConnection,
  connection: ServerSession,
): () => void {
  const since = Date.now();
  let over = false;
  const say = (words: string): void => {
    const waitedMs = Date.now() - since;
    if (waitedMs < watched.limits.slowMs) return;
    const reason = `a statement has had no answer for ${Math.round(waitedMs / 1_000)} s: ${words}`;
    watched.stalls.report(line, { what: 'is slow', reason }, since);
  };
  let words = 'why is being looked at';
  const look = async (): Promise<void> => {
    say(words);
    const verdict = await examine(watched.hosts, line.patienceMs, connection);
    if (over) return;
    const waitedMs = Date.now() - since;
    if (verdict.kind === 'gone') watched.hosts.severAll(connection.host, verdict.reason);
    const hopeless = verdict.kind === 'unknown' && waitedMs > UNKNOWN_LIMIT_MS;
    if (verdict.kind === 'gone' || verdict.kind === 'dead' || hopeless) {
      line.patienceMs = Math.min(line.patienceMs * 2, PATIENCE_MAX_MS);
      connection.sever(verdict.reason);
      return;
    }
    ({ reason: words } = verdict);
    say(words);
    timer = setTimeout(() => void look(), watched.limits.quietMs);
  };
  let timer = setTimeout(() => void look(), line.patienceMs);
  return () => {
    over = true;
    clearTimeout(timer);
  };
}

/** The others are visited for what they teach: a newer primary among them severs this connection. */
async function examine(
  hosts: Hosts,
  patience: number,
  connection: ServerSession,
): Promise<Verdict> {
  const limitMs = Math.max(VISIT_MIN_MS, patience);
  const { host, pid } = connection;
  const others = hosts.all.filter((each) => each !== host);
  // ignored: a host that does not answer teaches nothing; `admit` acts on what the others teach.
  const visits = others.map((each) =>
    hosts.visit(each, limitMs, async () => undefined).catch(() => undefined),
  );
  const verdict = await hosts
    .visit(host, limitMs, (client) => backend(client, pid))
    .catch((error: unknown) => unanswered(host.name, error));
  if (verdict.kind !== 'gone') await Promise.all(visits);
  return verdict;
}

async function backend(client: pg.Client, pid: number): Promise<Verdict> {
  const { rows } = await client.query<Backend>(BACKEND, [pid]);
  const found = rows[0];
  if (found === undefined) return { kind: 'dead', reason: 'the server has lost the connection' };
  // Another user's, or the server does not track it.
  if (found.state === null || found.state === 'disabled')
    return { kind: 'unknown', reason: 'the server does not say why' };
  if (found.state === 'active') return { kind: 'alive', reason: waitReason(found) };
  if (found.settled) return { kind: 'dead', reason: 'the answer was lost on its way' };
  return { kind: 'alive', reason: 'it is between two statements' };
}

function waitReason({ waitType, wait }: Backend): string {
  if (wait === 'SyncRep') return 'its commit waits for a synchronous standby (SyncRep)';
  if (waitType === 'Lock') return `it waits for a lock (${wait})`;
  return wait === null ? 'the server works on it' : `it waits for ${waitType} ${wait}`;
}

function unanswered(name: string, error: unknown): Verdict {
  if (error instanceof Unfit) return { kind: 'gone', reason: error.message };
  const state = sqlState(error);
  // It answers, and is not what it was: 57P01 to 57P03. Other refusals say nothing about us.
  const gone = state === null || state.startsWith('57P');
  return { kind: gone ? 'gone' : 'unknown', reason: `${name}: ${messageOf(error)}` };
}
