/**
 * The composition root: it wires journal, connectors, engine and API into one house that serves a
 * data folder, and takes it apart again in the opposite order.
 */
import type { FastifyBaseLogger } from 'fastify';
import { jobMark, jobToken, nodeToken } from '../api/credentials.ts';
import type { Access } from '../api/gate.ts';
import { createApp, listen, type RunningServer } from '../api/server.ts';
import { forgetAttempts } from './attempt-folders.ts';
import { loadConnectors } from '../connectors/index.ts';
import { type AnyConnector, catalogueOf } from '../connectors/kit/index.ts';
import { createEngine, type Engine } from '../engine/engine.ts';
import type { Observer } from '../engine/observer.ts';
import type { SystemDirectory } from '../engine/systems.ts';
import { connectionUrl, passwordsIn } from '../journal/connection-string.ts';
import { openJournal, type OpenJournal } from '../journal/open.ts';
import { addressOf } from '../model/node-address.ts';
import { bug, TuttiError } from '../model/errors.ts';
import type { Redactor } from '../model/redactor.ts';
import { Metrics } from '../watch/metrics/metrics.ts';
import { observerOf } from '../watch/observers.ts';
import { inUse, placeOf, type DataFolder } from './data-folder.ts';
import { machineChance, machineClock, machineIds } from './machine.ts';
import { peerAt } from './peer.ts';
import { Reader } from './reader.ts';
import { isSecretVariable, secretSource } from './secrets.ts';
import {
  embeddedDatabases,
  findSystemsFile,
  loadSystems,
  resolveSystems,
  type Environment,
  type Systems,
} from './systems.ts';
import { makeToken } from './token.ts';
import { startTracing } from './tracing.ts';
import { validated } from './validation.ts';
import { VERSION } from './version.ts';

export interface HouseOptions {
  readonly folder: DataFolder;
  readonly databaseUrl: string | undefined;
  readonly systemsFile: string | undefined;
  /** The folder of secrets; else `secrets` in the data folder. */
  readonly secretsFolder?: string | undefined;
  /** How much of an attempt's log is kept. */
  readonly logLimitBytes?: number | undefined;
  readonly port: number;
  /** Asks nobody who they are. */
  readonly open?: boolean;
  /**
   * Answers questions only: the engine does not start, nobody's run is touched, and the folder is
   * neither locked nor announced.
   */
  readonly reading: boolean;
  readonly node?: NodeOptions;
  readonly environment: Environment;
  readonly workingDirectory: string;
  /** Its lines pass through the redactor before they are written. */
  readonly logTo: (redactor: Redactor | undefined) => FastifyBaseLogger;
}

/** What makes it one node among several on a database. */
export interface NodeOptions {
  /** Else the one that the data folder keeps. */
  readonly name?: string | undefined;
  readonly leaseMs?: number | undefined;
  /** Where the other nodes reach this one; else the address that it listens on. */
  readonly advertise?: string | undefined;
  /** What connectors keep of attempts; else in the data folder. */
  readonly stateDirectory?: string | undefined;
}

export interface RunningHouse {
  readonly url: string;
  /** What opens it. */
  readonly token: string;
  readonly node: string;
  readonly embedded: boolean;
  /** Resolves when the node may not write any more, with the sentence that says so. */
  readonly fenced: Promise<string>;
  /** Lets the work that is under way come to a safe place; what is open goes on at the next start. */
  stop(): Promise<void>;
}

const LEASE_MS = 5_000;
/** Beyond its lease a node that does not answer is none any more. */
const ANSWER_MS = 5_000;

/** The name that others call this server by. */
function advertised({ node }: HouseOptions): string[] {
  return node?.advertise === undefined ? [] : [new URL(node.advertise).hostname];
}

/** Loopback only: nothing here is encrypted. */
export const HOST = '127.0.0.1';

/** Closes what was opened, the last first; every step is taken, the first failure is told. */
class Unwinding {
  readonly #steps: (() => Promise<void> | void)[] = [];
  add(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      await Promise.resolve()
        .then(step)
        .catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** Throws `data.in-use` when another process serves the folder. */
export async function openHouse(options: HouseOptions): Promise<RunningHouse> {
  const unwinding = new Unwinding();
  try {
    return await open(options, unwinding);
  } catch (error) {
    await unwinding.run().catch(() => undefined);
    throw error;
  }
}

async function open(options: HouseOptions, unwinding: Unwinding): Promise<RunningHouse> {
  const { folder } = options;
  folder.create();
  if (!options.reading) {
    if (!folder.lock()) throw inUse(folder);
    unwinding.add(() => folder.unlock());
  }
  const connectors = await loadConnectors();
  const openSystems = checkSystems(options, connectors);
  let log: FastifyBaseLogger | undefined;
  const database = await openJournal({
    dataDirectory: folder.path,
    notice: (sentence) => log?.warn(sentence),
    ...(options.databaseUrl === undefined ? {} : { databaseUrl: options.databaseUrl }),
  });
  unwinding.add(() => database.close());
  const access = await accessOf(options, database);
  const resolved = await openSystems(database);
  const systems = resolved.directory;
  const redactor = resolved.redactor([
    ...passwordsIn(options.databaseUrl ?? ''),
    access.token,
    jobMark(access),
  ]);
  log = options.logTo(redactor);
  if (database.embedded?.warning != null) log.warn(database.embedded.warning);
  const metrics = new Metrics({ version: VERSION, now: () => performance.now() });
  const nodeName = options.node?.name ?? folder.nodeName();
  const tracing = options.reading
    ? undefined
    : await startTracing(options.environment, nodeName, log);
  if (tracing !== undefined) unwinding.add(() => tracing.stop());
  const observer = observerOf(metrics.counts, tracing?.traces);
  const reader = new Reader();
  unwinding.add(() => reader.close());
  const parts = {
    nodeName,
    connectors,
    database,
    systems,
    access,
    redactor,
    log,
    observer,
    reader,
  };
  const engine = engineOf(options, parts);
  metrics.watch(engine);
  const server = await serve(options, parts, engine, metrics);
  unwinding.add(() => server.close());
  const address = options.node?.advertise ?? server.url;
  access.reachedAt(address);
  // Before the server: while work comes to its end, it answers that it stops.
  unwinding.add(() => engine.stop());
  if (!options.reading) {
    unwinding.add(tellJobs(server.url));
    unwinding.add(hideSecrets());
    await engine.start(address);
    folder.announce(server.url);
    unwinding.add(() => folder.withdraw());
  }
  return {
    url: server.url,
    token: access.token,
    node: nodeName,
    embedded: database.embedded !== null,
    fenced: engine.fenced.then((reason) => reason.message),
    stop: () => unwinding.run(),
  };
}

/** Who gets in here; the address is known when the server listens. */
async function accessOf(
  { folder, open: asksNobody = false }: HouseOptions,
  { journal }: OpenJournal,
): Promise<Access & { reachedAt(address: string): void }> {
  let address: string | undefined;
  return {
    open: asksNobody,
    token: makeToken(folder.path),
    nodeKey: await journal.nodeKey(),
    address: () => address,
    reachedAt: (url) => {
      address = addressOf(url);
    },
  };
}

/** Scripts inherit it, and so reach the server that runs them. */
function tellJobs(url: string): () => void {
  const before = process.env['TUTTI_URL'];
  process.env['TUTTI_URL'] = url;
  return () => {
    if (before === undefined) delete process.env['TUTTI_URL'];
    else process.env['TUTTI_URL'] = before;
  };
}

/** Scripts inherit what is in our environment: not what is for systems. */
function hideSecrets(): () => void {
  const hidden = Object.entries(process.env).filter(([name]) => isSecretVariable(name));
  for (const [name] of hidden) delete process.env[name];
  return () => {
    for (const [name, value] of hidden) process.env[name] = value;
  };
}

/** Tells mistakes before anything is started; databases of the embedded server come after it. */
function checkSystems(
  options: HouseOptions,
  connectors: readonly AnyConnector[],
): (database: OpenJournal) => Promise<Systems> {
  const { folder, environment, workingDirectory } = options;
  // A question about runs needs no system: it must not fail because one is not configured here.
  const file = loadSystems(
    options.reading ? null : findSystemsFile(options.systemsFile, folder.path, workingDirectory),
  );
  const secrets = secretSource(options.secretsFolder, folder.path, workingDirectory, environment);
  const resolving = { connectors, environment, secrets };
  resolveSystems(file, { ...resolving, embeddedUrl: (name) => `postgresql://localhost/${name}` });
  return async ({ embedded }) => {
    const urls = new Map<string, string>();
    for (const name of embeddedDatabases(file)) {
      if (embedded === null) {
        const detail = `embedded:${name} needs the embedded PostgreSQL: give a URL, or no --database.`;
        throw new TuttiError('systems.invalid', detail);
      }
      urls.set(name, connectionUrl(await embedded.createSystem(name)));
    }
    return resolveSystems(file, {
      ...resolving,
      embeddedUrl: (name) => urls.get(name) ?? bug(`no embedded database ${name}`),
    });
  };
}

/** What the engine and the server are put together from. */
interface Parts {
  readonly nodeName: string;
  readonly connectors: readonly AnyConnector[];
  readonly database: OpenJournal;
  readonly systems: SystemDirectory;
  readonly access: Access;
  readonly redactor: Redactor | undefined;
  readonly log: FastifyBaseLogger;
  readonly observer: Observer;
  readonly reader: Reader;
}

function engineOf(options: HouseOptions, parts: Parts): Engine {
  const { nodeName, connectors, database, systems, access, redactor, log, observer, reader } =
    parts;
  const { leaseMs = LEASE_MS, stateDirectory = options.folder.stateDirectory } = options.node ?? {};
  return createEngine({
    journal: database.journal,
    connectors,
    systems,
    nodeName,
    leaseMs,
    peers: (url) =>
      peerAt(url, (address) => nodeToken(access, nodeName, address), leaseMs + ANSWER_MS),
    tokenOf: (run) => jobToken(access, run),
    clock: machineClock,
    ids: machineIds,
    chance: machineChance,
    stateDirectory,
    place: placeOf(stateDirectory),
    gone: (runs) => {
      forgetAttempts(stateDirectory, runs).catch((error: unknown) =>
        log.warn({ err: error }, 'folders of attempts of deleted runs stay'),
      );
    },
    redactor,
    logLimitBytes: options.logLimitBytes,
    log,
    observer,
    read: reader.read,
  });
}

/** Of this node by its engine, of the others by their bell. */
function newsOf(engine: Engine, database: OpenJournal, hear: () => void): () => void {
  const endings = [
    engine.door.news(hear),
    database.journal.listen(({ about }) => {
      if (about === 'feed' || about === 'again') hear();
    }),
  ];
  return () => {
    for (const end of endings) end();
  };
}

async function serve(
  options: HouseOptions,
  { connectors, database, systems, access, log, reader }: Parts,
  engine: Engine,
  metrics: Metrics,
): Promise<RunningServer> {
  const actions = catalogueOf(connectors);
  const app = await createApp(
    {
      door: engine.door,
      views: database.journal.views,
      versions: database.journal,
      requests: database.journal.requests,
      bulks: database.journal.bulks,
      retentions: database.journal.retentions,
      newId: () => machineIds.run(),
      validate: async (source, file) =>
        validated(await reader.read(source, file === undefined ? {} : { file })),
      actions: [...actions.values()],
      news: (hear) => newsOf(engine, database, hear),
      systems: systems.names().map((name) => ({ name, kind: systems.get(name)?.kind ?? '' })),
      metrics,
    },
    { version: VERSION, access, log, hosts: advertised(options) },
  );
  return listen(app, HOST, options.port);
}
