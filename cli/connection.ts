/**
 * Finding a Tutti to speak to: TUTTI_URL, else the server that the data folder names, else this
 * very process becomes one for as long as the command takes.
 *
 * A process that becomes one announces itself in the data folder, so that other commands reach it
 * (`tutti approve` in another window while `tutti run` waits). When its own command is done it
 * finishes what is going on, also for others, before it leaves.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { TuttiError } from '../model/errors.ts';
import { healthSchema } from '../model/wire.ts';
import { clientOf } from './client.ts';
import type { Client, Server } from './client.ts';
import type { RunningHouse } from './compose.ts';
import { DataFolder, dataFolderOf, inUse } from './data-folder.ts';
import type { Lifetime } from './lifetime.ts';
import { finishBusyRuns } from './quiet.ts';
import type { Patience } from './patience.ts';
import type { Terminal } from './terminal.ts';

export interface ConnectOptions {
  readonly data?: string | undefined;
  readonly database?: string | undefined;
  readonly systems?: string | undefined;
  readonly secrets?: string | undefined;
  readonly logLimit?: number | undefined;
  readonly actor?: string | undefined;
}

/** `read`: a question only; a Tutti of our own for it starts no engine and touches no run. */
export type Purpose = 'read' | 'act';

export interface Connection {
  readonly client: Client;
  /** The server is this process: what is not finished when it leaves waits for the next start. */
  readonly inProcess: boolean;
  /** Ends the connection; a server of our own finishes what is going on and stops. */
  finish(): Promise<void>;
}

/** Who asks, and how long. */
type Asker = Pick<Server, 'actor' | 'patience'>;

const ALIVE_LIMIT_MS = 2000;
/** Somebody else holds the lock and has not announced itself yet: it starts, or it stops. */
const TURN_POLL_MS = 50;
const TURN_LIMIT_MS = 60_000;

export async function connect(
  options: ConnectOptions,
  terminal: Terminal,
  lifetime: Lifetime,
  purpose: Purpose,
): Promise<Connection> {
  const actor = options.actor ?? terminal.userName;
  const patience = patienceOf(terminal, lifetime);
  const given = terminal.environment['TUTTI_URL'];
  if (given !== undefined && given !== '') return remote(urlOf(given), actor, patience);
  const folder = folderOf(options, terminal);
  const url = await liveServer(folder);
  if (url !== null)
    return remote(url, actor, patience, () => waitForServer(folder, lifetime.signal));
  if (purpose === 'read') {
    const house = await openOwnHouse(options, terminal, folder, true);
    return {
      client: clientOf({ url: house.url, actor, patience }),
      inProcess: true,
      finish: () => house.stop(),
    };
  }
  return connectInProcess(options, terminal, lifetime, folder, { actor, patience });
}

export function patienceOf(terminal: Terminal, lifetime: Lifetime): Patience {
  return { signal: lifetime.signal, say: (text) => terminal.err(text) };
}

export function folderOf(options: ConnectOptions, terminal: Terminal): DataFolder {
  const { environment, workingDirectory } = terminal;
  return new DataFolder(dataFolderOf(options.data, environment, workingDirectory));
}

function urlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol)) return url.href;
  throw new TuttiError('server.unreachable', `TUTTI_URL is not an http address: ${text}`);
}

function remote(
  url: string,
  actor: string,
  patience: Patience,
  reconnect?: () => Promise<string>,
): Connection {
  return {
    client: clientOf({ url, actor, patience, reconnect }),
    inProcess: false,
    finish: async () => undefined,
  };
}

/** Where the folder is served, if somebody answers there and is who the record says. */
export async function liveServer(folder: DataFolder): Promise<string | null> {
  const record = folder.server();
  if (record === null) return null;
  try {
    const response = await fetch(`${record.url}/healthz`, {
      signal: AbortSignal.timeout(ALIVE_LIMIT_MS),
    });
    const health = healthSchema.safeParse(await response.json());
    return health.success && health.data.pid === record.pid ? record.url : null;
  } catch {
    return null;
  }
}

/** After the server was lost: one that took its place, if there is one soon. */
async function waitForServer(folder: DataFolder, signal: AbortSignal): Promise<string> {
  for (let waited = 0; waited < ALIVE_LIMIT_MS * 2 && !signal.aborted; waited += TURN_POLL_MS) {
    const url = await liveServer(folder);
    if (url !== null) return url;
    await delay(TURN_POLL_MS);
  }
  throw new TuttiError('server.unreachable', 'The Tutti that served the data folder is gone.');
}

async function connectInProcess(
  options: ConnectOptions,
  terminal: Terminal,
  lifetime: Lifetime,
  folder: DataFolder,
  asker: Asker,
): Promise<Connection> {
  for (let waited = 0; ; waited += TURN_POLL_MS) {
    const house = await openUnlessServed(options, terminal, folder);
    if (house !== null) return ownConnection(house, asker, terminal, lifetime);
    const url = await liveServer(folder);
    if (url !== null) {
      return remote(url, asker.actor, asker.patience, () => waitForServer(folder, lifetime.signal));
    }
    if (waited >= TURN_LIMIT_MS || lifetime.signal.aborted) {
      throw inUse(folder, true);
    }
    await delay(TURN_POLL_MS);
  }
}

async function openUnlessServed(
  options: ConnectOptions,
  terminal: Terminal,
  folder: DataFolder,
): Promise<RunningHouse | null> {
  if (folder.holder() !== null) return null;
  try {
    return await openOwnHouse(options, terminal, folder, false);
  } catch (error) {
    if (error instanceof TuttiError && error.code === 'data.in-use') return null;
    throw error;
  }
}

async function openOwnHouse(
  options: ConnectOptions,
  terminal: Terminal,
  folder: DataFolder,
  reading: boolean,
): Promise<RunningHouse> {
  // Loaded late: a command that only speaks to a server starts faster without the engine.
  const { openHouse } = await import('./compose.ts');
  return openHouse({
    folder,
    databaseUrl: options.database ?? (terminal.environment['TUTTI_DATABASE'] || undefined),
    systemsFile: options.systems,
    secretsFolder: options.secrets,
    logLimitBytes: options.logLimit,
    port: 0,
    reading,
    environment: terminal.environment,
    workingDirectory: terminal.workingDirectory,
    logTo: () => pino({ level: 'silent' }),
  });
}

function ownConnection(
  house: RunningHouse,
  asker: Asker,
  terminal: Terminal,
  lifetime: Lifetime,
): Connection {
  const client = clientOf({ url: house.url, ...asker });
  return {
    client,
    inProcess: true,
    finish: async () => {
      try {
        if (!lifetime.signal.aborted) await finishBusyRuns(client, terminal, lifetime.signal);
      } finally {
        await house.stop();
      }
    },
  };
}
