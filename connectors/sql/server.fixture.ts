/** A real PostgreSQL for the tests of this connector, and the actions as they are called. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { openEmbedded } from '../../journal/embedded/server.ts';
import type { ActionContext, CallAction } from '../kit/index.ts';
import { sql } from './connector.ts';
import type { SqlConfig } from './schemas.ts';

export interface SqlServer {
  readonly directory: string;
  /** Of the folder that its socket is in. */
  readonly host: string;
  readonly socket: string;
  readonly user: string;
  /** `user:password` of a URL. */
  readonly login: string;
  readonly url: string;
  readonly admin: pg.Client;
  close(): Promise<void>;
}

export async function openServer(): Promise<SqlServer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tutti-sql-'));
  const server = await openEmbedded(directory);
  await server.ensureRunning();
  const connection = await server.createDatabase('work');
  const { host = '', port = 5432, user = 'postgres', password } = connection;
  const login = `${user}:${String(password)}`;
  const admin = new pg.Client(connection);
  await admin.connect();
  return {
    directory,
    host,
    user,
    login,
    admin,
    socket: path.join(host, `.s.PGSQL.${port}`),
    url: `postgres://${login}@localhost:${port}/work?host=${encodeURIComponent(host)}`,
    close: async () => {
      await admin.end();
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export interface Output {
  readonly rowCount: number;
  readonly rows: readonly unknown[];
  readonly truncated?: boolean;
}

export function actionOf(name: string) {
  const action = sql.actions.find((candidate) => candidate.name === name);
  if (action?.does.form !== 'call') throw new Error(`no call ${name}`);
  const does = action.does as CallAction<SqlConfig, unknown, Output>;
  return { does, parse: (given: unknown) => action.input.parse(given) };
}

let keys = 0;
export function contextOf(
  url: string,
  change: Partial<ActionContext<SqlConfig>> = {},
): ActionContext<SqlConfig> {
  keys += 1;
  return {
    key: `r1:post:${keys}`,
    run: 'r1',
    task: 'post',
    attempt: 1,
    config: { url },
    directory: tmpdir(),
    stateDirectory: tmpdir(),
    signal: new AbortController().signal,
    log: () => {},
    ...change,
  };
}

/** What an action gives, or how it fails. */
export async function outcomeOf(
  name: string,
  given: unknown,
  context: ActionContext<SqlConfig>,
): Promise<unknown> {
  const { does, parse } = actionOf(name);
  return await does.call(context, parse(given)).catch((error: unknown) => error);
}
