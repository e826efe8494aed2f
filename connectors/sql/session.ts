/**
 * One connection for one action: opened, used, closed. Notices become the log, and an abort of
 * the action cancels the running statement by a second connection, as PostgreSQL wants it.
 *
 * No pool: an action waits for its own statements only, and a connection is a few milliseconds.
 */
import pg from 'pg';
import type { Json } from '../../model/json.ts';
import { type ActionContext, ActionFailure } from '../kit/index.ts';
import { cancelled, failureOf, notConnected } from './failure.ts';

export interface Config {
  readonly url: string;
}

export interface Rows {
  /** INSERT, SELECT…: what the server says it did. */
  readonly command: string;
  readonly rowCount: number;
  readonly rows: readonly Readonly<Record<string, Json>>[];
}

export interface Session {
  /** One statement: the extended protocol refuses two, so no `;` can end our transaction. */
  query(statement: string, parameters?: readonly Json[]): Promise<Rows>;
}

const CONNECT_LIMIT_MS = 10_000;

export async function withSession<T>(
  context: ActionContext<Config>,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  if (context.signal.aborted) throw cancelled();
  const client = await connect(context);
  client.on('notice', ({ severity, message }) => {
    context.log('note', `${severity ?? 'NOTICE'}: ${message ?? ''}\n`);
  });
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const cancel = () => void cancelBackend(context, rows[0]?.pid ?? 0);
  context.signal.addEventListener('abort', cancel, { once: true });
  try {
    return await work({ query: async (text, values) => await queryRows(client, text, values) });
  } catch (error) {
    throw context.signal.aborted && isCancelled(error) ? cancelled() : failureOf(error);
  } finally {
    context.signal.removeEventListener('abort', cancel);
    await client.end().catch(() => {});
  }
}

function isCancelled(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '57014';
}

async function connect({ config, key }: ActionContext<Config>): Promise<pg.Client> {
  const client = openClient(config, `tutti ${key}`);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    throw notConnected(error);
  }
}

/** The URL is a secret: an error about it says nothing of it. */
function openClient({ url }: Config, name: string): pg.Client {
  try {
    const client = new pg.Client({
      connectionString: url,
      application_name: name.slice(0, 63),
      connectionTimeoutMillis: CONNECT_LIMIT_MS,
      keepAlive: true,
      types: { getTypeParser },
    });
    // A connection lost while idle; the next query says so too.
    client.on('error', () => {});
    return client;
  } catch {
    throw new ActionFailure({
      class: 'rejected',
      code: 'sql.url',
      message: "the system's url cannot be read; it must look like postgres://user@host:5432/name",
    });
  }
}

async function cancelBackend({ config }: ActionContext<Config>, pid: number): Promise<void> {
  const client = openClient(config, 'tutti cancel');
  try {
    await client.connect();
    await client.query('select pg_cancel_backend($1)', [pid]);
  } catch {
    // The statement timeout remains.
  } finally {
    await client.end().catch(() => {});
  }
}

async function queryRows(
  client: pg.Client,
  text: string,
  values: readonly Json[] = [],
): Promise<Rows> {
  const query: pg.QueryConfig & { queryMode: 'extended' } = {
    text,
    values: [...values],
    queryMode: 'extended',
  };
  const { command, rowCount, rows } = await client.query<Record<string, Json>>(query);
  return { command, rowCount: rowCount ?? 0, rows };
}

const OID = {
  bool: 16,
  int8: 20,
  int2: 21,
  int4: 23,
  json: 114,
  float4: 700,
  float8: 701,
  jsonb: 3802,
};

/**
 * Values as JSON can say them: numbers where they are exact, JSON as JSON, everything else as the
 * text that PostgreSQL prints. Dates would otherwise take on this machine's time zone.
 */
function getTypeParser(oid: number): (text: string) => Json {
  switch (oid) {
    case OID.bool:
      return (text) => text === 't';
    case OID.int2:
    case OID.int4:
      return Number;
    case OID.int8:
      return (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text);
    case OID.float4:
    case OID.float8:
      return (text) => (Number.isFinite(Number(text)) ? Number(text) : text);
    case OID.json:
    case OID.jsonb:
      return (text) => JSON.parse(text) as Json;
  }
  return (text) => text;
}
