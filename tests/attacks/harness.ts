/**
 * One harness for all attacks: a node as `tutti serve` composes it, on a database that the test
 * can reach into, and the three things that must be true after every attack: an innocent run ends,
 * `/readyz` tells the truth, and `cancel` or `force` ends the guilty one.
 *
 *     const attacked = await underAttack();
 *     const run = await attacked.start('guilty');
 *     … the attack …
 *     await attacked.survived({ guilty: run });
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { pino } from 'pino';
import { openNode } from '../../cli/node.ts';
import type { NodeOptions, RunningNode } from '../../cli/node-options.ts';
import { connectionUrl } from '../../journal/connection-string.ts';
import { DataFolder } from '../../cli/data-folder.ts';
import { openTestbed, type Testbed } from '../../journal/testbed.ts';

const INNOCENT = `workflow: innocent
tasks:
  first: { action: tutti.noop }
  next: { needs: [first], action: shell.run, with: { script: 'echo fine' } }
  last: { needs: [next], action: tutti.noop }
`;
const ENDED: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled', 'timed-out']);

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The text as JSON; undefined when it is none. */
  // A test knows what it has asked for.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export interface Attacked {
  readonly folder: string;
  readonly testbed: Testbed;
  readonly connection: pg.ClientConfig;
  /** What the server logged, a line each. */
  readonly logged: readonly string[];
  url(): string;
  /** `path` below `/api/v1`, or a whole one that begins with a word like `/readyz`. */
  ask(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  deploy(source: string): Promise<void>;
  start(workflow: string, more?: object): Promise<string>;
  show(run: string): Promise<Answer['body']>;
  /** Waits for the run's next events until it has ended; its status. */
  ended(run: string): Promise<string>;
  /** Ends it by `cancel`, and what does not let go by `force`. */
  end(run: string): Promise<string>;
  /** Stops the node and opens it again on the same journal. */
  restart(): Promise<void>;
  /** Throws when an attack has left something behind. */
  survived(after?: { readonly guilty?: string }): Promise<void>;
  close(): Promise<void>;
}

export async function underAttack(more: Partial<NodeOptions> = {}): Promise<Attacked> {
  const testbed = await openTestbed();
  const connection = await testbed.database();
  const folder = mkdtempSync(join(tmpdir(), 'tutti-attack-'));
  const logged: string[] = [];
  const open = (): Promise<RunningNode> =>
    openNode({
      folder: new DataFolder(folder),
      databaseUrl: connectionUrl(connection),
      systemsFile: undefined,
      port: 0,
      reading: false,
      environment: {},
      workingDirectory: folder,
      logTo: () => pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) }),
      ...more,
    });
  let node = await open();
  const attacked: Attacked = {
    folder,
    testbed,
    connection,
    logged,
    url: () => node.url,
    ask: (method, path, body, headers) => {
      const authorization = `Bearer ${node.token}`;
      return ask(node.url, method, path, body, { authorization, ...headers });
    },
    deploy: async (source) => {
      const answer = await attacked.ask('POST', '/workflows', { source, directory: folder });
      if (answer.status >= 300) throw new Error(answer.text);
    },
    start: async (workflow, start = {}) => {
      const answer = await attacked.ask('POST', '/runs', { workflow, ...start });
      if (answer.status >= 300) throw new Error(answer.text);
      return String(answer.body.run);
    },
    show: async (run) => (await attacked.ask('GET', `/runs/${run}`)).body,
    ended: (run) => ended(attacked, run),
    end: (run) => end(attacked, run),
    restart: async () => {
      await node.stop();
      node = await open();
    },
    survived: (after) => survived(attacked, after?.guilty),
    close: async () => {
      await node.stop();
      await testbed.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await attacked.deploy(INNOCENT);
  return attacked;
}

async function ask(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const whole = /^\/(readyz|healthz|metrics|api)\b/.test(path) ? path : `/api/v1${path}`;
  const raw = typeof body === 'string' || body instanceof Uint8Array;
  const sent = raw ? body : JSON.stringify(body);
  const response = await fetch(url + whole, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: sent }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function ended(attacked: Attacked, run: string): Promise<string> {
  for (let after = -1; ; ) {
    const news = await attacked.ask('GET', `/runs/${run}/events?after=${after}&wait=20s`);
    if (news.status !== 200) throw new Error(news.text);
    if (ENDED.has(news.body.status)) return String(news.body.status);
    after = news.body.next;
  }
}

async function end(attacked: Attacked, run: string): Promise<string> {
  const cancel = await attacked.ask('POST', `/runs/${run}/cancel`, { reason: 'attack is over' });
  if (cancel.status >= 500) throw new Error(cancel.text);
  const { taskViews, status } = await attacked.show(run);
  if (ENDED.has(status)) return status;
  for (const task of taskViews) {
    if (!['running', 'unknown'].includes(task.status)) continue;
    const path = `/runs/${run}/tasks/${encodeURIComponent(task.task)}/force`;
    await attacked.ask('POST', path, { as: 'failed', reason: 'attack is over' });
  }
  return ended(attacked, run);
}

async function survived(attacked: Attacked, guilty: string | undefined): Promise<void> {
  const innocent = await attacked.start('innocent');
  const how = await ended(attacked, innocent);
  if (how !== 'succeeded') throw new Error(`an innocent run ended ${how}`);
  const ready = await attacked.ask('GET', '/readyz');
  if (ready.status !== 200) throw new Error(`/readyz says ${ready.text}`);
  if (guilty !== undefined) await end(attacked, guilty);
}
