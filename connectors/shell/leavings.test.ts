/**
 * A job may leave anything in its folder, and reach for what is not its own. Whatever it is: the
 * attempt ends, it says what is there, and nothing is waited for, followed or read without end.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir, uptime } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { requires } from '../../tests/requires.ts';
import { canMount, SmallDisk } from '../../tests/failover/small-disk.ts';
import { followToEnd, readLog } from '../kit/conformance.ts';
import type { ActionContext, JobAction, JobState } from '../kit/index.ts';
import { folderName, folderOf, readState } from './attempt-folder.ts';
import { shell } from './connector.ts';
import { goneUntil, HEAD_BYTES, TAIL_BYTES } from './log.ts';
import { NotPlain, plainSize, readPart, readPlain } from './plain-file.ts';
import { commandOf } from './processes.ts';

const action = shell.actions[0];
const does = action?.does as JobAction<unknown, unknown, unknown>;
let directory: string;
let notes: string[];
let keys = 0;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'tutti-leavings-'));
  notes = [];
});
afterEach(async () => await rm(directory, { recursive: true }));

function contextIn(stateDirectory: string): ActionContext {
  keys += 1;
  return {
    key: `leavings-${process.pid}-${keys}:task:1`,
    run: 'r1',
    task: 'task',
    attempt: 1,
    config: {},
    directory,
    stateDirectory,
    signal: new AbortController().signal,
    log: (stream, text) => notes.push(`${stream}: ${text}`),
  };
}

function folderFor({ stateDirectory, key }: ActionContext): string {
  return folderOf(stateDirectory, folderName(key));
}

interface Played {
  readonly context: ActionContext;
  readonly job: never;
  readonly end: JobState<unknown>;
}

/** Runs a script to its end; `$FOLDER` is its attempt folder. */
async function play(given: object): Promise<Played> {
  const context = contextIn(path.join(directory, 'state'));
  const env = { FOLDER: folderFor(context) };
  const job = await does.submit(context, action?.input.parse({ env, ...given }));
  return { context, job: job as never, end: await followToEnd(does, context, job as never) };
}

async function hasSaid(context: ActionContext, job: unknown, words: string): Promise<void> {
  for (let text = ''; !text.includes(words); ) {
    const reads = await readLog(does, context, job as never, null);
    text = reads.flatMap(({ chunks }) => chunks.map((chunk) => chunk.text)).join('');
  }
}

const rejected = (words: string) => ({
  state: 'failed',
  failure: {
    class: 'rejected',
    code: 'shell.output',
    message: expect.stringContaining(words) as string,
  },
});

/** Made at `$P` in the attempt folder. */
const OTHER_THINGS: readonly [what: string, make: string][] = [
  ['a pipe', 'mkfifo $P'],
  ['a folder', 'mkdir $P'],
  ['a link', 'ln -s /dev/zero $P'],
  ['a link', 'ln -s $P $P'],
  ['a socket', "node -e 'net.createServer().listen(process.env.P, () => process.exit())'"],
];

describe('what is not a plain file', () => {
  test.each(OTHER_THINGS)('at $TUTTI_OUTPUT (%s) is rejected: %s', async (what, make) => {
    for (const output of ['text', 'lines', 'json']) {
      const { end } = await play({ script: `cd $FOLDER; export P=output; ${make}`, output });
      expect(end).toMatchObject(rejected(`$TUTTI_OUTPUT is ${what}`));
    }
  });

  test.each(OTHER_THINGS)('in the place of the log (%s) is rejected: %s', async (what, make) => {
    for (const name of ['out', 'err']) {
      const script = `echo x; cd $FOLDER; rm ${name}; export P=${name}; ${make}`;
      const { context, job, end } = await play({ script });
      expect(end).toMatchObject(rejected(`${name} is ${what}`));
      expect(await readLog(does, context, job, null)).toBeDefined();
    }
  });

  const claims: [string, string][] = [
    ['overwritten', 'echo mine >$P'],
    ['gone', 'echo x'],
  ];
  test.each([...OTHER_THINGS, ...claims])(
    'in the place of the claim (%s) is rejected: %s',
    async (what, make) => {
      // Followed only when it has done it: else its end may still be read from what it removes.
      const script = `mkfifo gate; (cd $FOLDER; rm state.0; export P=state.0; ${make}); echo up; read _ <gate`;
      const context = contextIn(path.join(directory, 'state'));
      const env = { FOLDER: folderFor(context) };
      const job = await does.submit(context, action?.input.parse({ script, env }));
      await hasSaid(context, job, 'up');
      await appendFile(path.join(directory, 'gate'), 'go\n');
      const end = await followToEnd(does, context, job as never);
      expect(end).toMatchObject(rejected('state.0'));
      expect(end).toMatchObject(rejected(what));
    },
  );

  test('a job that spoiled its claim can be cancelled, and ends', async () => {
    const context = contextIn(path.join(directory, 'state'));
    const script = 'cd "$FOLDER"; rm state.0; mkfifo state.0 cancel force; echo up; sleep 1000';
    const env = { FOLDER: folderFor(context) };
    const job = await does.submit(context, action?.input.parse({ script, env }));
    await hasSaid(context, job, 'up');
    expect(await does.follow(context, job)).toMatchObject({ state: 'running' });
    await does.cancel?.(context, job, false);
    expect(await followToEnd(does, context, job as never)).toMatchObject({ state: 'cancelled' });
  });

  test('in the place of the attempt folder leaves the job lost', async () => {
    const { end } = await play({ script: 'echo x' });
    expect(end).toMatchObject({ state: 'succeeded' });
    const context = contextIn(path.join(directory, 'state'));
    // Followed only when it has done it: else its end may still be read from a claim that was open.
    const told = path.join(directory, 'told');
    execFileSync('mkfifo', [told]);
    const script = 'rm -r "$FOLDER"; mkfifo "$FOLDER"; echo done >"$TOLD"';
    const env = { FOLDER: folderFor(context), TOLD: told };
    const job = await does.submit(context, action?.input.parse({ script, env }));
    expect(await readFile(told, 'utf8')).toBe('done\n');
    await expect(followToEnd(does, context, job as never)).rejects.toMatchObject({ class: 'lost' });
  });

  test('is told from a plain one, an absent one and a large one', async () => {
    const file = path.join(directory, 'file');
    expect(await readPlain(file, 10)).toBeUndefined();
    expect(await plainSize(path.join(file, 'below'))).toBeUndefined();
    await writeFile(file, '0123456789');
    expect(await readPlain(path.join(file, 'below'), 10)).toBeUndefined();
    expect((await readPlain(file, 10))?.toString()).toBe('0123456789');
    expect(await readPlain(file, 9)).toHaveLength(10);
    expect((await readPart(file, 8, 100))?.bytes.toString()).toBe('89');
    expect((await readPart(file, 80, 100))?.bytes).toHaveLength(0);
    await expect(readPlain('/dev/null', 10)).rejects.toBeInstanceOf(NotPlain);
    await expect(plainSize('/dev/null')).rejects.toThrow('is a device');
  });

  test('a hundred gigabytes of nothing are too much', async () => {
    const { end } = await play({ script: 'truncate -s 100G "$TUTTI_OUTPUT"', output: 'text' });
    expect(end).toMatchObject({ failure: { class: 'rejected', code: 'output.too-large' } });
  });
});

describe('an output', () => {
  test.each([
    [
      'with a byte order mark',
      String.raw`printf '\357\273\277{"rows": 12}\r\n'`,
      'json',
      { rows: 12 },
    ],
    [
      'after its progress',
      String.raw`printf 'gr\374n\n\n{"rows": 12}\r\n \n'`,
      'json',
      { rows: 12 },
    ],
    ['of lines as Windows ends them', String.raw`printf 'a\r\n\r\nb\r\n'`, 'lines', ['a', '', 'b']],
    ['of text with a mark', String.raw`printf '\357\273\277a\r\n'`, 'text', 'a'],
    ['of nothing', ':', 'lines', []],
  ])('%s is read', async (_title, script, output, value) => {
    const { end } = await play({ script, output });
    expect(end).toMatchObject({ state: 'succeeded', output: { [output]: value } });
  });

  test.each([
    ['Latin-1', String.raw`printf 'gr\374n'`, 'text', 'UTF-8'],
    ['NUL', String.raw`printf 'a\0b'`, 'lines', 'U+0000'],
    ['a number that would be rounded', 'echo 9007199254740993', 'json', 'quote it'],
    ['a removed log', 'rm "$FOLDER/out"', 'text', 'removed'],
  ])('that cannot be kept as it is (%s) is rejected', async (_title, script, output, words) => {
    const { end } = await play({ script, output });
    expect(end).toMatchObject(rejected(words));
  });
});

describe('a command', () => {
  test.each(['exit', 'exec', 'eval', '.', '..', ':', 'set', 'trap', 'export', 'read', '-a', '--'])(
    'is a program, never what is built into a shell: %s',
    async (command) => {
      const { end } = await play({ command, args: ['0'] });
      expect(end).toMatchObject({ state: 'failed', failure: { code: 'shell.exit' } });
      expect(end.native).toEqual({ exitCode: 127 });
    },
  );

  test('has nothing of the supervisor: no descriptor, no trap, no variable', async () => {
    const script = 'ls /proc/$$/fd; trap; env';
    const { context, job } = await play({ script, env: { TUTTI_MINE: 'x' } });
    const reads = await readLog(does, context, job, null);
    const text = reads.flatMap(({ chunks }) => chunks.map((chunk) => chunk.text)).join('');
    expect(text).not.toContain('TUTTI_GO');
    expect(text).toContain('TUTTI_MINE=x');
    // What this process was itself started with may be there, numbered high; 3 is the claim's.
    expect(text.split('\n')).not.toContain('3');
  });
});

describe('a claim', () => {
  async function emptyClaim(ageMs: number): Promise<ActionContext> {
    const context = contextIn(path.join(directory, 'state'));
    const claim = path.join(folderFor(context), 'state.0');
    await mkdir(path.dirname(claim), { recursive: true });
    await writeFile(claim, '');
    const at = new Date(Date.now() - ageMs);
    await utimes(claim, at, at);
    return context;
  }
  const input = action?.input.parse({ script: 'echo once >>effects' });

  test('that is empty is void when its writer must be gone: the job runs', async () => {
    const context = await emptyClaim(31_000);
    expect(await does.locate(context, input)).toBe('absent');
    const job = await does.submit(context, input);
    expect(await followToEnd(does, context, job as never)).toMatchObject({ state: 'succeeded' });
    expect(await readFile(path.join(directory, 'effects'), 'utf8')).toBe('once\n');
  });

  test('that is empty and was there before the machine restarted is lost, never run again', async () => {
    const context = await emptyClaim(uptime() * 1000 + 3_600_000);
    const job = await does.submit(context, input);
    expect(await followToEnd(does, context, job as never)).toMatchObject({
      state: 'failed',
      failure: { class: 'lost' },
    });
  });

  test('that is empty can be cancelled at once', async () => {
    const context = await emptyClaim(0);
    const job = await does.submit(context, input);
    await does.cancel?.(context, job, false);
    expect(await followToEnd(does, context, job as never)).toMatchObject({ state: 'cancelled' });
  });

  test('is closed to others, and leaves no draft', async () => {
    const { context } = await play({ script: 'true' });
    const folder = folderFor(context);
    expect((await readdir(folder)).toSorted()).toEqual(['err', 'out', 'state.0']);
    for (const name of await readdir(folder)) {
      expect((await stat(path.join(folder, name))).mode & 0o077).toBe(0);
    }
  });
});

const mountable = canMount();
requires(
  'a small disk',
  mountable,
  'root may mount one',
)('a full disk', () => {
  const disks: SmallDisk[] = [];
  afterAll(() => disks.forEach((disk) => disk.remove()));

  test('starts nothing and says so; with room again the same key runs, once', async () => {
    const disk = new SmallDisk(await mkdtemp(path.join(tmpdir(), 'tutti-disk-')));
    disks.push(disk);
    const state = path.join(disk.folder, 'state');
    mkdirSync(path.join(state, 'shell'), { recursive: true });
    const context = contextIn(state);
    const input = action?.input.parse({ script: 'echo once >>effects' });
    disk.fill();
    await expect(does.submit(context, input)).rejects.toMatchObject({
      class: 'transient',
      code: 'shell.not-started',
    });
    disk.empty();
    expect(await does.locate(context, input)).toBe('absent');
    const job = await does.submit(context, input);
    expect(await followToEnd(does, context, job as never)).toMatchObject({ state: 'succeeded' });
    expect(await readFile(path.join(directory, 'effects'), 'utf8')).toBe('once\n');
    await does.cleanUp?.(context, job);
    expect(await readdir(path.join(state, 'shell'))).toEqual([]);
  });
});

const SEES = process.platform === 'linux';
requires(
  '/proc',
  SEES,
  'Linux',
)('processes that left the session', () => {
  const LEAVING = "setsid sh -c 'echo $$ >pid; echo up; exec sleep 1000' &";

  test('end with the job that is cancelled', async () => {
    const context = contextIn(path.join(directory, 'state'));
    const job = await does.submit(context, action?.input.parse({ script: `${LEAVING} wait` }));
    await hasSaid(context, job, 'up');
    await does.cancel?.(context, job, false);
    expect(await followToEnd(does, context, job as never)).toMatchObject({ state: 'cancelled' });
    const pid = Number(await readFile(path.join(directory, 'pid'), 'utf8'));
    expect(await commandOf(pid)).toBe('');
  });

  test('are named in the log of a job that ended by itself, and left alone', async () => {
    const { context, job, end } = await play({
      script: `mkfifo gate; setsid sh -c 'echo $$ >pid; echo go >gate; exec sleep 1000' & read _ <gate`,
    });
    expect(end).toMatchObject({ state: 'succeeded' });
    const pid = Number(await readFile(path.join(directory, 'pid'), 'utf8'));
    expect(notes.join('')).toContain(`runs on: pid ${pid}`);
    // A cancel that comes late is for a job that has ended: nothing is struck.
    await does.cancel?.(context, job, true);
    expect(await commandOf(pid)).not.toBe('');
    process.kill(pid, 'SIGKILL');
  });
});

describe('a log without end', () => {
  test('what is given back follows from the size, and is never the head or the tail', () => {
    expect(goneUntil(HEAD_BYTES + TAIL_BYTES)).toBe(0);
    for (const size of [90e6, 100e6, 1e9, 1e12]) {
      expect(goneUntil(size)).toBeLessThanOrEqual(size - TAIL_BYTES);
      expect(goneUntil(size)).toBeGreaterThan(size - 1.3 * TAIL_BYTES - HEAD_BYTES);
    }
  });

  test('keeps its head and its tail, says what is left out, and gives the rest back', async () => {
    const size = 150_000_000;
    const { context, job } = await play({
      script: `echo first; head -c ${size} /dev/zero; echo; echo last`,
    });
    const reads = await readLog(does, context, job, null);
    const chunks = reads.flatMap((read) => read.chunks);
    const printed = chunks.filter(({ stream }) => stream === 'out').map(({ text }) => text);
    expect(printed[0]).toMatch(/^first\n/);
    expect(printed.at(-1)).toMatch(/\nlast\n$/);
    const gaps = chunks
      .filter(({ stream }) => stream === 'note')
      .map(({ text }) => Number(/^(\d+) bytes/.exec(text)?.[1]));
    const gap = gaps.reduce((sum, bytes) => sum + bytes, 0);
    expect(printed.join('').length + gap).toBe(size + 'first\n\nlast\n'.length);
    const { blocks } = await stat(path.join(folderFor(context), 'out'));
    expect(blocks * 512).toBeLessThan(SEES ? 100_000_000 : Infinity);
  });

  test('holds nobody up: the loop turns between any two parts of it', async () => {
    const { context, job } = await play({ script: `yes | head -c 20000000 | tr '\\n' '\\000'` });
    let turns = 0;
    const turn = (): void => {
      turns += 1;
      turning = setImmediate(turn);
    };
    let turning = setImmediate(turn);
    const reads = await readLog(does, context, job, null);
    clearImmediate(turning);
    expect(reads.length).toBeGreaterThan(50);
    expect(turns).toBeGreaterThan(reads.length);
  });
});

/** A supervisor whose starter died before it gave the word has nothing to do. */
test('what is started without a word ends, and claims nothing', async () => {
  const context = contextIn(path.join(directory, 'state'));
  const folder = folderFor(context);
  await mkdir(folder, { recursive: true });
  const code = `
    const { startSupervisor } = await import(${JSON.stringify(new URL('supervisor.ts', import.meta.url).href)});
    const { starterPid } = await import(${JSON.stringify(new URL('launcher.ts', import.meta.url).href)});
    startSupervisor({ folder: ${JSON.stringify(folder)}, claim: ${JSON.stringify(path.join(folder, 'none', 'state.0'))},
      command: ['touch', 'ran'], cwd: ${JSON.stringify(directory)}, env: {} }).catch(({ code }) => console.log(code));
  `;
  const tsx = import.meta.resolve('tsx');
  const child = spawn(process.execPath, ['--import', tsx, '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  expect(line).toBe('ENOENT');
  expect(await readdir(directory)).toEqual(['state']);
  expect(await readState(folder)).toMatchObject({ kind: 'starting' });
});
