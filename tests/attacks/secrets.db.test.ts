/**
 * Secrets that come back by every way there is: jobs that print them in pieces, services that echo
 * what they were sent, databases that raise them. None of them may stand anywhere in the journal,
 * in an answer, or in the server's log: every row of every table is looked through.
 */
import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionUrl } from '../../journal/connection-string.ts';
import { openTestbed, type Testbed } from '../../journal/testbed.ts';
import { type Attacked, underAttack } from './harness.ts';

const TOKEN = 'planted-token-4711/ä';
const KEY = 'planted-key-0815';
const PASSWORD = 'planted-pass-1234';
const LITERAL = 'planted-literal-99';
const PLANTED = /planted-(?:token|key|pass|literal)/;
/** Base64 of anything planted, by the three ways that it may begin. */
const ENCODED = /cGxhbnRlZC|BsYW50ZWQt|wbGFudGVkL/;

const logged: string[] = [];
let attacked: Attacked;
let service: Server;
let ledgers: Testbed;
let folder: string;

beforeAll(async () => {
  service = createServer((request, response) => {
    const status = Number(new URL(request.url ?? '', 'http://x').searchParams.get('status') ?? 200);
    response.writeHead(status, { 'x-echo': String(request.headers['x-shop-key'] ?? '') });
    response.end(JSON.stringify({ sent: request.headers, url: request.url }));
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  ledgers = await openTestbed();
  folder = mkdtempSync(join(tmpdir(), 'tutti-secrets-'));
  writeFileSync(join(folder, 'key'), `${KEY}\n`, { mode: 0o600 });
  writeFileSync(join(folder, 'found'), TOKEN);
  const database = await ledgers.database();
  const url = connectionUrl({ ...database, user: 'clerk', password: PASSWORD });
  const client = await ledgers.client(database);
  await client.query(`create role clerk login password '${PASSWORD}'`);
  await client.query('grant create on schema public to clerk');
  const base = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  writeFileSync(
    join(folder, 'systems.yaml'),
    `shop: { kind: http, base-url: "${base}", token: "\${{ secrets.shop }}", headers: { X-Shop-Key: "\${{ secrets.key }}", X-Other: ${LITERAL} } }
basic: { kind: http, base-url: "${base}", username: ada, password: "\${{ env.PASSWORD }}" }
ledger: { kind: sql, url: "${url}" }
`,
  );
  attacked = await underAttack({
    systemsFile: join(folder, 'systems.yaml'),
    secretsFolder: folder,
    environment: { TUTTI_SECRET_SHOP: TOKEN, PASSWORD },
    logTo: (redactor) =>
      pino({}, { write: (line: string) => void logged.push(redactor?.text(line) ?? line) }),
  });
}, 60_000);

afterAll(async () => {
  await attacked.close();
  await ledgers.close();
  service.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Everything that the journal holds, as text. */
async function journal(): Promise<string> {
  const client = await attacked.testbed.client(attacked.connection);
  const { rows } = await client.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')",
  );
  const texts: string[] = [];
  for (const { name } of rows) {
    const { rows: all } = await client.query<{ line: string }>(
      `select row_to_json(t)::text as line from "${name}" t`,
    );
    texts.push(...all.map(({ line }) => line));
  }
  return texts.join('\n');
}

/** Runs one task, and gives what can be seen of it. */
async function seen(task: string): Promise<{ shown: string; log: string }> {
  const name = `leak-${Math.trunc(performance.now() * 1000)}`;
  await attacked.deploy(`workflow: ${name}\ntasks:\n  t: ${task}\n`);
  const run = await attacked.start(name);
  await attacked.ended(run);
  const log = (await attacked.ask('GET', `/runs/${run}/logs`)).text;
  const shown = await Promise.all(
    [`/runs/${run}`, `/runs/${run}/events`, `/runs/${run}/why`].map((path) =>
      attacked.ask('GET', path),
    ),
  );
  return { shown: shown.map(({ text }) => text).join('\n'), log };
}

const shell = (script: string, more = '') =>
  `{ action: shell.run, with: { script: ${JSON.stringify(script)}, env: { FOUND: ${join(folder, 'found')} }${more} } }`;
/** The secret stands in no workflow: jobs find it in a file beside. */
const cat = 'cat "$FOUND"';

describe('a secret', () => {
  it.each<[string, string | (() => string)]>([
    ['printed at once', () => shell(`${cat}; echo`)],
    ['in two writes', () => shell('head -c 10 "$FOUND"; sleep 0.6; tail -c +11 "$FOUND"; echo')],
    ['cut in a character', () => shell('head -c 20 "$FOUND"; sleep 0.6; tail -c +21 "$FOUND"')],
    ['over a border', () => shell(`head -c 65530 /dev/zero | tr '\\0' x; ${cat}; echo`)],
    ['beside NUL bytes', () => shell(`head -c 70000 /dev/zero; ${cat}; head -c 70000 /dev/zero`)],
    ['without a line end', () => shell(`echo; ${cat}`)],
    ['to the other stream', () => shell(`echo out; ${cat} >&2`)],
    ['in base64', () => shell(`${cat} | base64; (printf 'ada:'; ${cat}) | base64`)],
    ['as text', () => shell(cat, ', output: text')],
    ['as lines', () => shell(`${cat}; echo; ${cat}`, ', output: lines')],
    ['as JSON', () => shell(`printf '{"a":["'; ${cat}; printf '"]}'`, ', output: json')],
    ['of a job that fails', () => shell(`${cat}; exit 3`, ', output: text')],
    ['echoed by a service', () => '{ action: http.request, system: shop, with: { url: x } }'],
    ['echoed with a pair', () => '{ action: http.request, system: basic, with: { url: x } }'],
    ['in a refusal', () => '{ action: http.request, system: shop, with: { url: "x?status=400" } }'],
    [
      'in a refusal of a pair',
      '{ action: http.request, system: basic, with: { url: "x?status=404" } }',
    ],
    [
      'as text of a reply',
      '{ action: http.request, system: shop, with: { url: x, output: text } }',
    ],
    [
      'raised by a database',
      `{ action: sql.query, system: ledger, with: { statement: "select cast('planted-' || 'pass-1234' as int)" } }`,
    ],
    [
      'as rows',
      `{ action: sql.query, system: ledger, with: { statement: "select 'planted-' || 'pass-1234' as a" } }`,
    ],
    [
      'as a notice',
      `{ action: sql.execute, system: ledger, with: { statement: "do $$ begin raise notice '%', 'planted-' || 'pass-1234'; end $$" } }`,
    ],
  ])('%s is blacked out', async (_way, task) => {
    const { shown, log } = await seen(typeof task === 'string' ? task : task());
    expect(/•••|\*\*\*/.exec(shown + log), 'a mark').not.toBeNull();
    expect(ENCODED.exec(shown + log)).toBeNull();
    expect(PLANTED.exec(shown + log)).toBeNull();
  });

  it('stands nowhere in the journal, nor in the log of the server', async () => {
    const all = await journal();
    expect(all.includes('•••')).toBe(true);
    expect(ENCODED.exec(all)).toBeNull();
    expect(PLANTED.exec(all.replaceAll('planted by ada', ''))).toBeNull();
    expect(logged.join('\n')).not.toMatch(PLANTED);
  });

  it('is not inherited by jobs', async () => {
    process.env['TUTTI_SECRET_INHERITED'] = 'no matter';
    await attacked.restart();
    const { log } = await seen(shell('env | grep -c TUTTI_SECRET_ || true'));
    delete process.env['TUTTI_SECRET_INHERITED'];
    expect(log).toContain('"text":"0\\n"');
  });

  it('leaves everything else as it is, and the node in order', async () => {
    const words = 'product tests for production: the latest key was planted by ada';
    const { log } = await seen(shell(`echo '${words}'`));
    expect(log).toContain(words);
    await attacked.survived();
  });
});

it('a workflow that names a secret is refused, with its place', async () => {
  const source =
    'workflow: w\ntasks:\n  t: { action: shell.run, with: { script: "echo ${{ secrets.shop }}" } }\n';
  const { body } = await attacked.ask('POST', '/validate', { source });
  expect(body.valid).toBe(false);
  expect(body.problems[0]).toMatchObject({ line: 3 });
  expect(body.problems[0].message).toContain('systems file');
});
