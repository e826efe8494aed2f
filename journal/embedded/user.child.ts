/**
 * Run by the tests as another process: a user of the embedded server.
 *
 * `user.child.ts FOLDER [NATIVE]`: opens the server and prints `{"pid"}` of its postmaster. Then
 * answers each line of its input: `register` becomes node "main", `query` asks the server, `stop`
 * leaves.
 */
import { createInterface } from 'node:readline';
import pg from 'pg';
import { openPostgresJournal } from '../postgres/journal.ts';
import { findClusterPaths } from './cluster-paths.ts';
import { findServer } from './postmaster.ts';
import { openEmbedded } from './server.ts';

const [folder, native] = process.argv.slice(2);
const say = (answer: unknown): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);

async function query(connection: pg.ClientConfig): Promise<unknown> {
  const client = new pg.Client(connection);
  await client.connect();
  const { rows } = await client.query('select 1 as one');
  await client.end();
  return rows[0];
}

async function main(data: string): Promise<void> {
  const server = await openEmbedded(data, native === undefined ? {} : { candidates: [{ native }] });
  say({ pid: findServer(findClusterPaths(data))?.pid, folder: server.folder });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'query') say(await query(server.connection));
    if (line === 'register') {
      const journal = await openPostgresJournal({ connection: server.connection });
      say(await journal.register('main', 60_000, 'http://127.0.0.1:7700'));
    }
    if (line === 'stop') {
      await server.stop();
      say('stopped');
      process.exit(0);
    }
  }
}

main(folder ?? '').catch((error: unknown) => {
  say({ failed: String(error) });
  process.exitCode = 1;
});
