/**
 * A stranger on the machine: another user, a page in a browser, a service that a task calls. None of
 * them can read, start or decide anything, while a run waits for a decision that all of them want to
 * take. The server is the real executable.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../protocol/client/client.ts';
import type { Client } from '../../protocol/client/client.ts';
import { packageRoot, ServeProcess } from '../chaos/serve-process.ts';
import { requires } from '../requires.ts';

const run = promisify(execFile);
const NOBODY = 65_534;
const TUTTI = join(packageRoot(), 'cli', 'tutti.js');
const ASKS = `workflow: asks
tasks:
  decide: { approve: { by: [cfo], title: "Pay?" } }
  pay: { needs: [decide], action: tutti.noop }
`;
const CALLS = `workflow: calls
inputs: { url: { type: string } }
tasks:
  call: { action: http.request, with: { method: POST, url: "\${{ inputs.url }}" } }
`;

let folder: string;
let serve: ServeProcess;
let url: string;
let client: Client;
let asked: string;
const servers: Server[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-stranger-'));
  serve = new ServeProcess(folder);
  url = (await serve.ready) ?? '';
  client = createClient({ url, token: serve.token, fetch, pause: async () => undefined });
  asked = (await client.startRun({ source: ASKS })).run;
});
afterAll(async () => {
  serve.kill('SIGTERM');
  await serve.exited;
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What nobody of them may have changed: one run, not held, that waits for its decision. */
async function untouched(): Promise<void> {
  const { items } = await client.listRuns({ workflow: 'asks' });
  expect(items.map(({ id }) => id)).toEqual([asked]);
  const { events } = await client.readEvents({ run: asked });
  expect(events.map(({ type }) => type)).toEqual(['RunStarted', 'TaskStarted']);
}

async function listening(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** All that there is to ask: to read, to start, to decide. */
const wishes = () => [
  ['GET', '/api/v1/runs'],
  ['GET', `/api/v1/runs/${asked}`],
  ['GET', '/api/v1/events'],
  ['GET', '/metrics'],
  ['GET', '/api/openapi.json'],
  ['POST', '/api/v1/runs'],
  ['POST', `/api/v1/runs/${asked}/tasks/decide/approve`],
  ['POST', `/api/v1/runs/${asked}/hold`],
  ['POST', '/api/v1/links'],
  ['POST', '/api/v1/nodes/commands'],
];

const ASK = `
const [url, ...wishes] = process.argv.slice(1);
const answers = [];
for (const wish of wishes) {
  const [method, path] = wish.split(' ');
  const headers = { 'content-type': 'application/json', 'x-tutti-actor': 'cfo' };
  const body = method === 'GET' ? undefined : '{"workflow": "asks"}';
  answers.push((await fetch(url + path, { method, headers, body })).status);
}
console.log(JSON.stringify(answers));
`;

requires(
  'root',
  process.getuid?.() === 0,
  'only root starts programs as another user',
)('another user', () => {
  const asNobody = async (words: readonly string[], env: Record<string, string> = {}) => {
    const options = {
      uid: NOBODY,
      gid: NOBODY,
      cwd: '/',
      env: { PATH: process.env['PATH'], ...env },
    };
    return run(process.execPath, [...words], options).then(
      ({ stdout, stderr }) => ({ code: 0, said: stdout + stderr }),
      (error: { code: number; stdout: string; stderr: string }) => ({
        code: error.code,
        said: error.stdout + error.stderr,
      }),
    );
  };

  it('is answered 401, whatever name it gives', async () => {
    const words = wishes().map((wish) => wish.join(' '));
    const { said } = await asNobody(['--input-type=module', '-e', ASK, url, ...words]);
    expect(JSON.parse(said)).toEqual(words.map(() => 401));
    await untouched();
  });

  it('finds no token: not in the folder, not at a process', async () => {
    const look = `
        const { readFileSync, readdirSync } = require('node:fs');
        for (const file of ${JSON.stringify([join(folder, 'token'), join(folder, 'server.json')])}) {
          try { console.log(readFileSync(file, 'utf8')); } catch (error) { console.log(error.code); }
        }
        for (const pid of readdirSync('/proc').filter(Number)) {
          try { console.log(readFileSync('/proc/' + pid + '/cmdline', 'utf8')); } catch {}
        }`;
    const { said } = await asNobody(['-e', look]);
    expect(said).toContain('EACCES');
    expect(said).not.toContain(serve.token);
  });

  it('gets nothing by the command line either', async () => {
    const environment = { TUTTI_URL: url, TUTTI_DATA: '/nonexistent/data' };
    for (const words of [['runs'], ['approve', asked, 'decide', '--actor', 'cfo'], ['open']]) {
      const { code, said } = await asNobody([TUTTI, ...words], environment);
      expect(code).toBe(1);
      expect(said).toContain('has no token');
    }
    await untouched();
  });
});

const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome']
  .flatMap((name) => (process.env['PATH'] ?? '').split(':').map((path) => join(path, name)))
  .find((path) => existsSync(path));

requires(
  'chromium',
  CHROMIUM !== undefined,
  'apt-get install chromium',
)('a page in a browser', () => {
  /** Tries everything that a page can, with and without credentials, and reports what it read. */
  const page = (target: string) => `<!doctype html><body><script type="module">
      const read = [];
      const wishes = ${JSON.stringify(wishes())};
      for (const [method, path] of wishes) {
        for (const mode of ['cors', 'no-cors']) {
          for (const type of ['text/plain', 'application/json']) {
            const body = method === 'GET' ? undefined : '{"workflow": "asks"}';
            const headers = { 'content-type': type };
            try {
              const answer = await fetch(${JSON.stringify(target)} + path,
                { method, mode, credentials: 'include', body, headers, signal: AbortSignal.timeout(5000) });
              if (answer.type !== 'opaque') read.push(path + ' ' + answer.status);
            } catch {}
          }
        }
        if (method === 'GET') await new Promise((done) => {
          const image = new Image();
          image.onload = () => { read.push('image ' + path); done(); };
          image.onerror = done;
          image.src = ${JSON.stringify(target)} + path;
          setTimeout(done, 5000);
        });
      }
      await fetch('/read', { method: 'POST', body: JSON.stringify(read) });
    </script>`;

  /** A browser on this profile, until it has loaded the page, or until `over`. What it printed. */
  async function browse(
    profile: string,
    address: string,
    over?: Promise<unknown>,
  ): Promise<string> {
    const words = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run'];
    const dump = over === undefined ? ['--dump-dom'] : ['--remote-debugging-port=0'];
    const data = `--user-data-dir=${profile}`;
    const browser = spawn(CHROMIUM ?? '', [...words, data, ...dump, address], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    let said = '';
    browser.stdout.on('data', (chunk) => {
      said += String(chunk);
    });
    const exited = new Promise((resolve) => {
      browser.once('close', resolve);
    });
    await Promise.race([exited, over ?? exited]);
    // Its processes are a group of their own; none of them stays.
    if (browser.exitCode === null) process.kill(-(browser.pid ?? 0), 'SIGKILL');
    await exited;
    return said;
  }

  /** The name that a browser is led to: its cookie belongs there, and to no other port of ours. */
  async function privateUrl(): Promise<string> {
    const headers = { 'user-agent': 'Mozilla/5.0 Chrome/1' };
    const answer = await fetch(`${url}/enter?link=none`, { headers, redirect: 'manual' });
    return new URL(answer.headers.get('location') ?? '').origin;
  }

  const cookies: string[] = [];
  /** What a page of another port could read in this browser. */
  async function attack(): Promise<string[]> {
    let report!: (read: string) => void;
    const reported = new Promise<string>((resolve) => {
      report = resolve;
    });
    const attacker = await listening((request, response) => {
      if (request.headers.cookie !== undefined) cookies.push(request.headers.cookie);
      if (request.url !== '/read') {
        response.setHeader('content-type', 'text/html').end(page(url));
        return;
      }
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        response.end();
        report(Buffer.concat(parts).toString());
      });
    });
    await browse(profile, attacker, reported);
    return JSON.parse(await reported) as string[];
  }

  let profile: string;
  beforeAll(() => {
    profile = mkdtempSync(join(tmpdir(), 'tutti-chromium-'));
  });
  afterAll(() => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));

  it('reads nothing, starts nothing and decides nothing', async () => {
    expect(await attack()).toEqual([]);
    await untouched();
  });

  it('does not even in the browser of somebody who is let in', async () => {
    const { path } = await client.makeLink();
    await browse(profile, `${url}${path}`);
    expect(await browse(profile, `${await privateUrl()}/api/v1/workflows`)).toContain('deployedAt');
    expect(await attack()).toEqual([]);
    expect(cookies).toEqual([]);
    await untouched();
  });
});

describe('a service that a task calls', () => {
  it('does not reach the API by leading the call there', async () => {
    const heard: (string | undefined)[] = [];
    const service = await listening((request, response) => {
      heard.push(request.headers.authorization);
      response.writeHead(307, { location: `${url}/api/v1/runs/${asked}/hold` }).end();
    });
    const { run: calling } = await client.startRun({ source: CALLS, inputs: { url: service } });
    expect(await ended(calling)).not.toBe('succeeded');
    // Nobody tells it the token, of Tutti or of the job.
    expect(heard).toEqual([undefined]);
    await untouched();
  });

  it('does not reach it as the address of a task', async () => {
    const inputs = { url: `${url}/api/v1/runs/${asked}/hold` };
    const { run: calling } = await client.startRun({ source: CALLS, inputs });
    expect(await ended(calling)).toBe('failed');
    expect(JSON.stringify(await client.getRun({ run: calling }))).toContain('401');
    await untouched();
  });

  async function ended(id: string): Promise<string> {
    for (let after = -1; ; ) {
      const batch = await client.readEvents({ run: id, after, wait: '20s' });
      after = batch.next;
      // The status of a batch is read before its events, and may be older.
      if (batch.events.some(({ type }) => type === 'RunEnded'))
        return (await client.getRun({ run: id })).status;
    }
  }
});
