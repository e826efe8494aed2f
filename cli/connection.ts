/**
 * Finding a Tutti to speak to: TUTTI_URL, else the server that the data folder names, else this
 * very process becomes one for as long as the command takes.
 *
 * The token is TUTTI_TOKEN with TUTTI_URL, else that of the data folder. The folder's is sent only to
 * a server that has proven that it knows it: what the folder says of its server, another user may
 * have written, and another program may listen there by now.
 *
 * A process that becomes one announces itself in the data folder, so that other commands reach it
 * (`tutti approve` in another window while `tutti run` waits). When its own command is done it
 * finishes what is under way, also for others, before it leaves.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { isSame, proofOf } from '../api/credentials.ts';
import { helloSchema } from '../protocol/access.ts';
import { TuttiError } from '../model/errors.ts';
import { addressOf } from '../model/node-address.ts';
import { clientOf, NoAnswer, type Client, type Server } from './client.ts';
import type { RunningNode } from './node-options.ts';
import { askConsent, type ConsentOptions } from './consent.ts';
import { DataFolder, dataFolderOf, inUse } from './data-folder.ts';
import type { Lifetime } from './lifetime.ts';
import { finishBusyRuns } from './quiet.ts';
import { type Patience, patientFetch } from './patience.ts';
import type { Terminal } from './terminal.ts';
import { readToken } from './token.ts';

export interface ConnectOptions extends ConsentOptions {
  readonly data?: string | undefined;
  readonly database?: string | undefined;
  readonly systems?: string | undefined;
  readonly secrets?: string | undefined;
  readonly logLimit?: number | undefined;
  readonly actor?: string | undefined;
}

/** `read`: a question only; a Tutti of our own for it starts no engine and touches no run. */
export type Purpose = 'read' | 'act';

export interface ClientConnection {
  readonly client: Client;
  /** The server is this process: what is not finished when it leaves waits for the next start. */
  readonly inProcess: boolean;
  /** Ends the connection; a server of our own finishes what is under way and stops. */
  finish(): Promise<void>;
}

/** Who asks, and how long. */
type Asker = Pick<Server, 'actor' | 'patience'>;

const ALIVE_LIMIT_MS = 2000;
/** Another process holds the lock and has not announced itself yet: it starts, or it stops. */
const TURN_POLL_MS = 50;
const TURN_LIMIT_MS = 60_000;

export async function connect(
  options: ConnectOptions,
  terminal: Terminal,
  lifetime: Lifetime,
  purpose: Purpose,
): Promise<ClientConnection> {
  const asker = {
    actor: options.actor ?? terminal.userName,
    patience: patienceOf(terminal, lifetime),
  };
  const server = await findServer(options, terminal, lifetime);
  if (server !== null) return remote(server, asker);
  const folder = folderOf(options, terminal);
  if (purpose === 'read') {
    const node = await openOwnNode(options, terminal, folder, true);
    return {
      client: clientOf({ url: node.url, token: node.token, ...asker }),
      inProcess: true,
      finish: () => node.stop(),
    };
  }
  return connectInProcess(options, terminal, lifetime, folder, asker);
}

/** A server that is there, and what opens it. */
export type FoundServer = Pick<Server, 'url' | 'token' | 'reconnect'>;

/** The server that TUTTI_URL or the data folder names; null when there is none. */
export async function findServer(
  options: ConnectOptions,
  terminal: Terminal,
  lifetime: Lifetime,
): Promise<FoundServer | null> {
  const { TUTTI_URL: given = '', TUTTI_TOKEN: token = '' } = terminal.environment;
  const folder = folderOf(options, terminal);
  if (given === '') {
    folder.refuseOthers();
    return liveServer(folder, lifetime.signal);
  }
  const url = urlOf(given);
  if (token !== '') return { url, token };
  const known = readToken(folder.path);
  if (known === null) return { url };
  const { signal, say } = patienceOf(terminal, lifetime);
  switch (await challenge(patientFetch({ signal, say }), url, known)) {
    case 'proven':
      return { url, token: known };
    case 'unproven': {
      const detail = `The server at ${url} does not know the token of ${folder.path}.`;
      throw new TuttiError('server.unproven', detail);
    }
  }
}

export function patienceOf(terminal: Terminal, lifetime: Lifetime): Patience {
  return { signal: lifetime.signal, say: (text) => terminal.err(text) };
}

export function folderOf(options: ConnectOptions, terminal: Terminal): DataFolder {
  const { environment, workingDirectory } = terminal;
  return new DataFolder(dataFolderOf(options.data, environment, workingDirectory));
}

/** A server listens at 127.0.0.1; what listens at another address of the same name is another. */
function urlOf(text: string): string {
  const address = addressOf(text);
  if (address !== undefined)
    return address.replace(/^(https?:\/\/)localhost(?=[:/]|$)/, '$1127.0.0.1');
  throw new TuttiError('server.unreachable', `TUTTI_URL is not an http address: ${text}`);
}

function remote(server: FoundServer, asker: Asker): ClientConnection {
  return {
    client: clientOf({ ...server, ...asker }),
    inProcess: false,
    finish: async () => undefined,
  };
}

const briefly: typeof fetch = (input, init) =>
  fetch(input, { ...init, signal: AbortSignal.timeout(ALIVE_LIMIT_MS) });

/** The process that serves the folder, if one does, answers, and knows its token. */
async function liveServer(folder: DataFolder, signal: AbortSignal): Promise<FoundServer | null> {
  const record = folder.server();
  const token = record === null ? null : readToken(folder.path);
  if (record === null || token === null) return null;
  const { url } = record;
  const answer = await challenge(briefly, url, token).catch(() => 'silent');
  if (answer !== 'proven') return null;
  return { url, token, reconnect: () => waitForServer(folder, signal) };
}

/** What is asked differs each time, and the proof is about this address: it is worth nothing again. */
async function challenge(
  ask: typeof fetch,
  url: string,
  token: string,
): Promise<'proven' | 'unproven'> {
  const question = randomBytes(32).toString('hex');
  const where = `${url}/api/v1/hello?challenge=${question}`;
  const response = await ask(where, { redirect: 'error' }).catch((error: unknown) => {
    throw new NoAnswer(url, error);
  });
  const answer = helloSchema.safeParse(await response.json().catch(() => null));
  const proof = proofOf(token, question, new URL(url).host);
  return answer.success && isSame(answer.data.proof, proof) ? 'proven' : 'unproven';
}

/** After the server was lost: one that took its place, if there is one soon. */
async function waitForServer(folder: DataFolder, signal: AbortSignal): Promise<string> {
  for (let waited = 0; waited < ALIVE_LIMIT_MS * 2 && !signal.aborted; waited += TURN_POLL_MS) {
    const server = await liveServer(folder, signal);
    if (server !== null) return server.url;
    await delay(TURN_POLL_MS);
  }
  throw new TuttiError('server.unreachable', 'The server of the data folder has stopped.');
}

async function connectInProcess(
  options: ConnectOptions,
  terminal: Terminal,
  lifetime: Lifetime,
  folder: DataFolder,
  asker: Asker,
): Promise<ClientConnection> {
  for (let waited = 0; ; waited += TURN_POLL_MS) {
    const node = await openUnlessServed(options, terminal, folder);
    if (node !== null) return ownConnection(node, asker, terminal, lifetime);
    const server = await liveServer(folder, lifetime.signal);
    if (server !== null) return remote(server, asker);
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
): Promise<RunningNode | null> {
  if (folder.holder() !== null) return null;
  await askConsent(options, terminal, folder);
  try {
    return await openOwnNode(options, terminal, folder, false);
  } catch (error) {
    if (error instanceof TuttiError && error.code === 'data.in-use') return null;
    throw error;
  }
}

async function openOwnNode(
  options: ConnectOptions,
  terminal: Terminal,
  folder: DataFolder,
  reading: boolean,
): Promise<RunningNode> {
  // Loaded late: a command that only speaks to a server starts faster without the engine.
  const [{ openNode }, { pino }] = await Promise.all([import('./node.ts'), import('pino')]);
  return openNode({
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
  node: RunningNode,
  asker: Asker,
  terminal: Terminal,
  lifetime: Lifetime,
): ClientConnection {
  const client = clientOf({ url: node.url, token: node.token, ...asker });
  return {
    client,
    inProcess: true,
    finish: async () => {
      try {
        if (!lifetime.signal.aborted) await finishBusyRuns(client, terminal, lifetime.signal);
      } finally {
        await node.stop();
      }
    },
  };
}
