/**
 * The composition root: it wires journal, connectors, engine and API into what serves a data folder.
 */
import type { FastifyBaseLogger } from 'fastify';
import { jobMark, jobToken, nodeToken } from '../api/credentials.ts';
import type { Access } from '../api/credentials.ts';
import { createApp, listen, type RunningServer } from '../api/server.ts';
import { forgetAttempts } from './attempt-folders.ts';
import { type AnyConnector, catalogueOf } from '../connectors/kit/index.ts';
import { createEngine, type Engine } from '../engine/engine.ts';
import type { Observer } from '../engine/observer.ts';
import { DEFAULTS } from '../engine/options.ts';
import type { SystemDirectory } from '../engine/systems.ts';
import { passwordsIn } from '../journal/connection-string.ts';
import type { OpenJournal } from '../journal/open.ts';
import { addressOf } from '../model/node-address.ts';
import type { Redactor } from '../model/redactor.ts';
import { EngineLog } from '../watch/engine-log.ts';
import { Metrics } from '../watch/metrics/metrics.ts';
import { Observers } from '../watch/observers.ts';
import { stateFolderStalls } from './state-folder.ts';
import { stateDirectoryIdOf } from './data-folder.ts';
import type { OpenedParts, NodeOptions, RunningNode } from './node-options.ts';
import type { Unwinding } from './unwinding.ts';
import { machineChance, machineClock, machineIds } from './machine.ts';
import { peerAt } from './peer.ts';
import { Reader } from './reader.ts';
import { isSecretVariable } from './secrets.ts';
import { makeToken } from './token.ts';
import { startTracing } from './tracing.ts';
import { validated } from './validation.ts';
import { VERSION } from './version.ts';

/** Beyond its lease a node that does not answer is none any more. */
const ANSWER_MS = 5_000;

/** The name that others call this server by. */
function advertised({ member }: NodeOptions): string[] {
  return member?.advertise === undefined ? [] : [new URL(member.advertise).hostname];
}

const now = (): number => performance.now();

/** Loopback only: nothing here is encrypted. */
export const HOST = '127.0.0.1';

/** Puts together what stands on the ground, and starts it. */
export async function compose(
  options: NodeOptions,
  ground: OpenedParts,
  unwinding: Unwinding,
): Promise<RunningNode> {
  const { folder } = options;
  const { connectors, database } = ground;
  const systems = ground.systems.directory;
  const access = await accessOf(options, database);
  const redactor = ground.systems.redactor([
    ...passwordsIn(options.databaseUrl ?? ''),
    access.token,
    jobMark(access),
  ]);
  const log = options.logTo(redactor);
  ground.log.continueIn(log);
  if (database.embedded?.warning != null) log.warn(database.embedded.warning);
  for (const sentence of ground.systems.unreachable) log.warn(sentence);
  const metrics = new Metrics({ version: VERSION, now });
  const nodeName = options.member?.name ?? folder.nodeName();
  const tracing = options.reading
    ? undefined
    : await startTracing(options.environment, nodeName, log);
  if (tracing !== undefined) unwinding.add(() => tracing.stop());
  const observer = new Observers(metrics.counts, new EngineLog(log, now), tracing?.traces);
  const reader = new Reader();
  unwinding.add(() => reader.close());
  const given = { connectors, database, systems, access };
  const parts = { ...given, nodeName, redactor, log, observer, reader };
  const engine = engineOf(options, parts);
  metrics.watch(engine);
  const server = await serve(options, parts, engine, metrics);
  unwinding.add(() => server.close());
  const address = options.member?.advertise ?? server.url;
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
    name: nodeName,
    embedded: database.embedded !== null,
    fenced: engine.fenced.then((reason) => reason.message),
    stop: () => unwinding.run(),
  };
}

/** Who gets in here; the address is known when the server listens. */
async function accessOf(
  { folder, open: asksNobody = false }: NodeOptions,
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

function engineOf(options: NodeOptions, parts: Parts): Engine {
  const { nodeName, connectors, database, systems, access, redactor, log, observer, reader } =
    parts;
  const { leaseMs = DEFAULTS.leaseMs } = options.member ?? {};
  const stateDirectory = stateDirectoryOf(options);
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
    stateDirectoryId: stateDirectoryIdOf(stateDirectory),
    gone: (runs) => {
      forgetAttempts(stateDirectory, runs).catch((error: unknown) =>
        log.warn({ err: error }, 'Folders of attempts of deleted runs could not be removed.'),
      );
    },
    redactor,
    logLimitBytes: options.logLimitBytes,
    log,
    observer,
    read: reader.read,
  });
}

function stateDirectoryOf({ member, folder }: NodeOptions): string {
  return member?.stateDirectory ?? folder.stateDirectory;
}

/** Of this node by its engine, of the others by their notification. */
function subscribe(engine: Engine, database: OpenJournal, committed: () => void): () => void {
  const endings = [
    engine.door.news.onCommit(committed),
    database.journal.listen(({ about }) => {
      if (about === 'feed' || about === 'resync') committed();
    }),
  ];
  return () => {
    for (const end of endings) end();
  };
}

async function serve(
  options: NodeOptions,
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
      onCommit: (committed) => subscribe(engine, database, committed),
      systems: systems.names().map((name) => ({ name, kind: systems.get(name)?.kind ?? '' })),
      metrics,
      stalls: () => stateFolderStalls(stateDirectoryOf(options)),
    },
    { version: VERSION, access, log, hosts: advertised(options) },
  );
  return listen(app, HOST, options.port);
}
