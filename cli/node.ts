/**
 * A node that serves a data folder: opened in order, and taken apart again in the opposite order.
 *
 * The database takes its time to start, and so does loading engine and server (`compose.ts`): they
 * do it beside each other.
 */
import type { FastifyBaseLogger } from 'fastify';
import { loadConnectors } from '../connectors/index.ts';
import type { AnyConnector } from '../connectors/kit/index.ts';
import { connectionUrl } from '../journal/connection-string.ts';
import { openJournal, type OpenJournal } from '../journal/open.ts';
import { bug, TuttiError } from '../model/errors.ts';
import type { Redactor } from '../model/redactor.ts';
import { inUse, type DataFolder } from './data-folder.ts';
import { EarlyLog } from './early-log.ts';
import { secretSource } from './secrets.ts';
import {
  embeddedDatabases,
  findSystemsFile,
  loadSystems,
  resolveSystems,
  type EmbeddedUrl,
  type Environment,
  type Systems,
} from './systems.ts';

export interface NodeOptions {
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
  readonly member?: MemberOptions;
  readonly environment: Environment;
  readonly workingDirectory: string;
  /** Its lines pass through the redactor before they are written. */
  readonly logTo: (redactor: Redactor | undefined) => FastifyBaseLogger;
}

/** What makes it one node among several on a database. */
export interface MemberOptions {
  /** Else the one that the data folder keeps. */
  readonly name?: string | undefined;
  readonly leaseMs?: number | undefined;
  /** Where the other nodes reach this one; else the address that it listens on. */
  readonly advertise?: string | undefined;
  /** What connectors keep of attempts; else in the data folder. */
  readonly stateDirectory?: string | undefined;
}

export interface RunningNode {
  readonly url: string;
  /** What opens it. */
  readonly token: string;
  readonly name: string;
  readonly embedded: boolean;
  /** Resolves when the node may not write any more, with the sentence that says so. */
  readonly fenced: Promise<string>;
  /** Lets the work that is under way come to a safe place; what is open goes on at the next start. */
  stop(): Promise<void>;
}

/** Closes what was opened, the last first; every step is taken, the first failure is told. */
export class Unwinding {
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
export async function openNode(options: NodeOptions): Promise<RunningNode> {
  const unwinding = new Unwinding();
  try {
    return await open(options, unwinding);
  } catch (error) {
    await unwinding.run().catch(() => undefined);
    throw error;
  }
}

/** What the rest is put together from. */
export interface OpenedParts {
  readonly connectors: readonly AnyConnector[];
  readonly database: OpenJournal;
  readonly systems: Systems;
  /** Where the database tells what it does: to be handed the log as soon as there is one. */
  readonly log: EarlyLog;
}

async function open(options: NodeOptions, unwinding: Unwinding): Promise<RunningNode> {
  const { folder, databaseUrl } = options;
  folder.create();
  if (!options.reading) {
    if (!folder.lock()) throw inUse(folder);
    unwinding.add(() => folder.unlock());
  }
  const connectors = await loadConnectors();
  const openSystems = checkSystems(options, connectors);
  if (!options.reading) for (const connector of connectors) connector.prepare?.();
  const log = new EarlyLog();
  const opening = openJournal({
    dataDirectory: folder.path,
    log,
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
  });
  const [opened, loaded] = await Promise.allSettled([opening, import('./compose.ts')]);
  if (opened.status === 'rejected') throw opened.reason;
  const database = opened.value;
  unwinding.add(() => database.close());
  if (loaded.status === 'rejected') throw loaded.reason;
  const systems = await openSystems(database);
  return loaded.value.compose(options, { connectors, database, systems, log }, unwinding);
}

/** Tells mistakes before anything is started; databases of the embedded server come after it. */
function checkSystems(
  options: NodeOptions,
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
    const urls = new Map<string, ReturnType<EmbeddedUrl>>();
    for (const name of embeddedDatabases(file)) {
      if (embedded === null) {
        const detail = `embedded:${name} needs the embedded PostgreSQL: give a URL, or no --database.`;
        throw new TuttiError('systems.invalid', detail);
      }
      // One that cannot be prepared keeps the others from nothing.
      const url = await embedded
        .createSystem(name)
        .then(connectionUrl, (error: Error) => ({ broken: error.message }));
      urls.set(name, url);
    }
    return resolveSystems(file, {
      ...resolving,
      embeddedUrl: (name) => urls.get(name) ?? bug(`no embedded database ${name}`),
    });
  };
}
