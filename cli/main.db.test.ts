/**
 * The commands against the real thing: embedded PostgreSQL, engine, API and shell. A server and
 * its clients live in this process; everything between them goes over HTTP.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, ListeningTerminal } from './terminal.fake.ts';
import type { Called } from './terminal.fake.ts';

const HELLO = `workflow: hello
inputs:
  name: { type: string }
  count: { type: integer, default: 1 }
tasks:
  greet:
    action: shell.run
    with: { script: 'echo "hello $NAME"', env: { NAME: "\${{ inputs.name }}" } }
  last: { needs: [greet], action: tutti.set, with: { values: { n: "\${{ inputs.count }}" } } }
`;
const BROKEN = `workflow: broken
tasks:
  good: { action: tutti.noop }
  bad: { needs: [good], action: shell.run, with: { script: 'echo oops >&2; exit 3' } }
  after: { needs: [bad], action: tutti.noop }
`;
const ASKING = `workflow: asking
tasks:
  check: { approve: { by: [boss], title: "May I?" } }
  act: { needs: [check], action: tutti.noop }
`;
const LEDGER = `workflow: ledger
tasks:
  post: { system: ledger, action: sql.query, with: { statement: "select 41 + 1 as answer" } }
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-cli-'));
  const files = { hello: HELLO, broken: BROKEN, asking: ASKING, ledger: LEDGER };
  for (const [name, text] of Object.entries(files)) write(`${name}.yaml`, text);
  write('systems.yaml', 'ledger:\n  kind: sql\n  url: embedded:ledger\n');
  write('wrong.yaml', 'workflow: wrong\ntasks:\n  a:\n    need: [b]\n    action: tutti.noop\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

async function tutti(...words: string[]) {
  const terminal = new ListeningTerminal(folder);
  const code = await call(terminal, words).code;
  return { code, out: terminal.said, err: terminal.complained };
}

describe('without a server', () => {
  it('runs a file to its end and leaves nothing behind that serves', async () => {
    const ran = await tutti('run', 'hello.yaml', '-i', 'name=Ada', '-i', 'count=3', '--json');
    expect(ran).toMatchObject({ code: 0 });
    const run = JSON.parse(ran.out);
    expect(run).toMatchObject({
      workflow: 'hello',
      status: 'succeeded',
      inputs: { name: 'Ada', count: 3 },
      by: { actor: 'ada' },
    });
    const seen = await tutti('show', run.id.slice(0, 23), '--json');
    expect(JSON.parse(seen.out)).toMatchObject({ id: run.id, status: 'succeeded' });
    const logs = await tutti('logs', run.id);
    expect(logs).toEqual({ code: 0, out: 'greet | hello Ada\n', err: '' });
  });

  it('tells changes line by line', async () => {
    const { code, out } = await tutti('run', 'hello', '-i', 'name=Bo');
    expect(code).toBe(0);
    expect(out).toMatch(/✔ greet succeeded/);
    expect(out).toMatch(/✔ the run succeeded/);
  });

  it('wants inputs of the declared type', async () => {
    const wrong = await tutti('run', 'hello', '-i', 'name=Bo', '-i', 'count=many');
    expect(wrong).toMatchObject({ code: 2, out: '' });
    expect(wrong.err).toContain('Input count must be a whole number');
    expect(await tutti('run', 'hello')).toMatchObject({ code: 2 });
    expect(await tutti('run', 'nobody-knows-it')).toMatchObject({ code: 2 });
  });

  it('shows the place of a mistake', async () => {
    const { code, err } = await tutti('run', 'wrong.yaml');
    expect(code).toBe(2);
    expect(err).toContain('wrong.yaml:4:5');
    expect(err).toContain('did you mean "needs"?');
  });

  it('gives a sql system a database of the embedded server', async () => {
    expect(await tutti('systems')).toEqual({ code: 0, out: 'ledger  sql\n', err: '' });
  });
});

describe('with a server', () => {
  let server: Called;
  beforeAll(async () => {
    server = call(new ListeningTerminal(folder), ['serve', '--port', '0', '--log-level', 'info']);
    await Promise.race([server.terminal.until('Press Ctrl-C to stop it.'), server.code]);
  });
  afterAll(async () => {
    server.interrupt();
    await server.code;
  });

  it('says where it listens', () => {
    expect(server.terminal.said).toContain('Tutti listens on http://127.0.0.1:');
    expect(server.terminal.said).toContain(folder);
  });

  it('refuses a second one with a sentence', async () => {
    const { code, err } = await tutti('serve', '--port', '0');
    expect(code).toBe(3);
    expect(err).toContain(
      `Another Tutti (process ${process.pid} on ${hostname()}) serves ${folder}`,
    );
  });

  it('follows, explains, restarts and forces a run that failed', async () => {
    const ran = await tutti('run', 'broken.yaml', '--json', '--key', 'k1');
    expect(ran.code).toBe(1);
    const { id } = JSON.parse(ran.out);
    expect((await tutti('logs', id, 'bad')).out).toBe('! oops\n');
    expect((await tutti('why', id, 'after')).out).toContain('"bad" ended failed');
    const preview = JSON.parse((await tutti('restart', id, '--preview', '--json')).out);
    expect(preview.keeps).toEqual(['good']);
    expect(preview.runsAgain).toContain('bad');
    const reason = ['--reason', 'seen by hand'];
    expect(await tutti('force', id, 'bad', '--as', 'succeeded', ...reason)).toMatchObject({
      code: 0,
    });
    const shown = await tutti('show', id);
    expect(shown.out).toMatch(/bad +✔ succeeded \(forced\).*by ada: seen by hand/);
    const again = await tutti('run', 'broken', '--key', 'k1');
    expect(again).toMatchObject({ code: 1 });
    expect(again.err).toContain('k1');
  });

  it('says how to decide, and goes on when somebody does', async () => {
    const following = call(new ListeningTerminal(folder), ['run', 'asking.yaml']);
    await following.terminal.until('to decide: tutti approve');
    const run = /approve (\S+) check/.exec(following.terminal.said)?.[1] ?? '';
    expect((await tutti('why', run)).out).toContain('waits for the decision of boss');
    expect(JSON.parse((await tutti('runs', '--state', 'running', '--json')).out)).toMatchObject([
      { id: run },
    ]);
    expect(await tutti('approve', run, 'check', '--actor', 'boss')).toMatchObject({ code: 0 });
    expect(await following.code).toBe(0);
    expect(following.terminal.said).toContain('✔ act succeeded');
  });

  it('stops following on Ctrl-C; the run goes on until it is cancelled', async () => {
    const following = call(new ListeningTerminal(folder), ['run', 'asking']);
    await following.terminal.until('to decide: tutti approve');
    following.interrupt();
    expect(await following.code).toBe(130);
    const run = /continues. Show it with: tutti show (\S+)/.exec(
      following.terminal.complained,
    )?.[1];
    expect(await tutti('hold', run ?? '', '--reason', 'lunch')).toMatchObject({ code: 0 });
    expect((await tutti('show', run ?? '')).out).toContain('by ada: lunch');
    expect(await tutti('release', run ?? '')).toMatchObject({ code: 0 });
    expect(await tutti('cancel', run ?? '')).toMatchObject({ code: 0 });
    expect((await tutti('logs', run ?? '', '--follow')).code).toBe(0);
    expect(JSON.parse((await tutti('show', run ?? '', '--json')).out).status).toBe('cancelled');
    expect(await tutti('hold', run ?? '')).toMatchObject({ code: 1 });
  });

  it('detaches', async () => {
    const { code, out } = await tutti('run', 'hello', '-i', 'name=Cy', '--detach');
    expect(code).toBe(0);
    const run = out.trim();
    expect((await tutti('logs', run, '-f')).out).toBe('greet | hello Cy\n');
  });

  it('asks the embedded database by a system', async () => {
    const { out } = await tutti('run', 'ledger.yaml', '--json');
    const [post] = JSON.parse(out).taskViews;
    expect(JSON.stringify(post.output)).toContain('42');
  });

  it('knows what it does not know', async () => {
    expect(await tutti('show', 'zzz')).toMatchObject({ code: 2, out: '' });
    const json = await tutti('show', 'zzz', '--json');
    expect(JSON.parse(json.out).error).toMatchObject({ code: 'run.unknown' });
    expect((await tutti('show', '0')).err).toContain('More than one run begins with "0"');
  });

  it('stops gracefully when it is asked to', async () => {
    server.interrupt();
    expect(await server.code).toBe(0);
    expect(server.terminal.complained).toContain('Open runs resume at the next start.');
  });
});
