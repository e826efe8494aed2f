/**
 * A node that serves a data folder: opened in order, and taken apart again in the opposite order.
 *
 * The database takes its time to start, and so does loading engine and server (`compose.ts`): they
 * do it beside each other.
 */
import { loadConnectors } from '../connectors/index.ts';
import type { AnyConnector } from '../connectors/kit/index.ts';
import { connectionUrl } from '../journal/connection-string.ts';
import { openJournal, type OpenJournal } from '../journal/open.ts';
import { bug, TuttiError } from '../model/errors.ts';
import { inUse } from './data-folder.ts';
import { EarlyLog } from './early-log.ts';
import type { NodeOptions, RunningNode } from './node-options.ts';
import { secretSource } from './secrets.ts';
import { Unwinding } from './unwinding.ts';
import {
  embeddedDatabases,
  findSystemsFile,
  loadSystems,
  resolveSystems,
  type EmbeddedUrl,
  type Systems,
} from './systems.ts';

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
