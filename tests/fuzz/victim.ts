/**
 * The server that is fuzzed: the real executable on a PostgreSQL of its own, with the meter of the
 * loop inside, and the questions that must have good answers when the fuzz is over.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type pg from 'pg';
import { connectionUrl } from '../../journal/connection-string.ts';
import { openTestbed, type Testbed } from '../../journal/testbed.ts';
import { API_PREFIX } from '../../protocol/route.ts';
import { packageRoot, ServeProcess } from '../chaos/serve-process.ts';
import type { Section } from './meter.ts';

/** No answer by then is a fault of its own. */
const ANSWER_LIMIT_MS = 120_000;
const INNOCENT = `
workflow: innocent
tasks:
  first: { action: tutti.noop }
  last: { needs: [first], action: tutti.noop }
`;

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface Asked {
  readonly method: string;
  /** Under the prefix of the API, unless it begins with two slashes. */
  readonly path: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export class Victim {
  readonly url: string;
  readonly database: pg.Client;
  readonly folder: string;
  readonly #server: ServeProcess;
  readonly #testbed: Testbed;
  readonly #meter: string;

  private constructor(
    url: string,
    server: ServeProcess,
    testbed: Testbed,
    database: pg.Client,
    folder: string,
    meter: string,
  ) {
    this.url = url;
    this.#server = server;
    this.#testbed = testbed;
    this.database = database;
    this.folder = folder;
    this.#meter = meter;
  }

  /** `systems`: the text of its systems file, which may name the server's own database. */
  static async start(systems?: (database: pg.ClientConfig) => string): Promise<Victim> {
    const testbed = await openTestbed();
    const connection = await testbed.database();
    const folder = join(testbed.folder, 'node');
    const meter = join(testbed.folder, 'longest.json');
    mkdirSync(folder, { mode: 0o700 });
    if (systems !== undefined) writeFileSync(join(folder, 'systems.yaml'), systems(connection));
    const probe = pathToFileURL(join(packageRoot(), 'dist/tests/fuzz/meter.js'));
    const server = new ServeProcess(folder, {
      TUTTI_DATABASE: connectionUrl(connection),
      TUTTI_METER: meter,
      NODE_OPTIONS: `--import ${probe.href}`,
    });
    const url = await server.ready;
    if (url === null) throw new Error(`the server did not start: ${server.words}`);
    const database = await testbed.client(connection);
    const victim = new Victim(url, server, testbed, database, folder, meter);
    await victim.deploy(INNOCENT);
    await victim.ended(await victim.start('innocent'), ANSWER_LIMIT_MS);
    // What is loaded once, at the start and for the first run, is nobody's attack.
    victim.forget();
    return victim;
  }

  async ask({ method, path, body, headers = {} }: Asked): Promise<Answer> {
    const where = path.startsWith('//') ? path.slice(1) : `${API_PREFIX}${path}`;
    const response = await fetch(`${this.url}${where}`, {
      method,
      headers: { 'content-type': 'application/json', ...this.#credentials(), ...headers },
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      redirect: 'manual',
      ...(body !== undefined && { body }),
    });
    return { status: response.status, text: await response.text() };
  }

  post(path: string, body: unknown): Promise<Answer> {
    return this.ask({ method: 'POST', path, body: JSON.stringify(body) });
  }

  async deploy(source: string): Promise<void> {
    const { status, text } = await this.post('/workflows', { source });
    if (status >= 300) throw new Error(`deploy was answered with ${status}: ${text}`);
  }

  /** The id of a new run. */
  async start(workflow: string, inputs: object = {}): Promise<string> {
    const { status, text } = await this.post('/runs', { workflow, inputs });
    if (status !== 201) throw new Error(`start was answered with ${status}: ${text}`);
    return (JSON.parse(text) as { run: string }).run;
  }

  /** Resolves with the run's status when it has ended, or with what it is when time is over. */
  async ended(run: string, limitMs: number): Promise<string> {
    const until = performance.now() + limitMs;
    let after = -1;
    while (performance.now() < until) {
      const { text } = await this.ask({
        method: 'GET',
        path: `/runs/${run}/events?after=${after}&wait=2s`,
      });
      const page = JSON.parse(text) as { events: { type: string; end?: string; seq: number }[] };
      const last = page.events.findLast(({ type }) => type === 'RunEnded');
      if (last !== undefined) return last.end ?? 'ended';
      after = page.events.at(-1)?.seq ?? after;
    }
    return 'open';
  }

  get alive(): boolean {
    return this.#server.running;
  }

  get words(): string {
    return this.#server.words;
  }

  /** The longest sections of the loop's thread so far. */
  get sections(): readonly Section[] {
    return existsSync(this.#meter)
      ? (JSON.parse(readFileSync(this.#meter, 'utf8')) as Section[])
      : [];
  }

  /** The longest sections are those from now on. */
  forget(): void {
    rmSync(this.#meter, { force: true });
  }

  /**
   * What must be true whatever it was given: it lives, it is ready, an innocent run ends, and no
   * run's events have a gap. Each sentence is a fault.
   */
  async faults(strange: ReadonlySet<string> = new Set()): Promise<string[]> {
    if (!this.alive) return [`the server has ended: ${this.words}`];
    const found: string[] = [];
    const ready = await this.ask({ method: 'GET', path: '//readyz' });
    if (ready.status !== 200) found.push(`/readyz says ${ready.status}: ${ready.text}`);
    const end = await this.ended(await this.start('innocent'), ANSWER_LIMIT_MS);
    if (end !== 'succeeded') found.push(`an innocent run is ${end}`);
    const { rows } = await this.database.query<{ run_id: string }>(
      'select run_id from events group by run_id having count(*) <> max(seq) + 1',
    );
    for (const { run_id: run } of rows)
      if (!strange.has(run)) found.push(`the events of run ${run} have a gap`);
    return found;
  }

  async close(): Promise<void> {
    this.#server.kill('SIGKILL');
    await this.#server.exited;
    await this.#testbed.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #credentials(): Record<string, string> {
    const file = join(this.folder, 'token');
    if (!existsSync(file)) return {};
    return { authorization: `Bearer ${readFileSync(file, 'utf8').trim()}` };
  }
}
