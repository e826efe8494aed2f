/**
 * What remains when Tutti dies: at any point between the folder and the end of the job, whoever
 * comes later knows whether it ran, and it never runs twice.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { requires } from '../../tests/requires.ts';
import { followToEnd, readLog } from '../kit/conformance.ts';
import type { ActionContext, JobAction } from '../kit/index.ts';
import { folderName, folderOf } from './attempt-folder.ts';
import { shell } from './connector.ts';
import { starterPid } from './launcher.ts';
import { bootId, sessionMembers } from './processes.ts';
import { startSupervisor } from './supervisor.ts';

let directory: string;
let context: ActionContext;
let folder: string;
let notes: string[];
/** A job is looked for by its key on the whole machine: no two tests share one. */
let keys = 0;
const action = shell.actions[0];
const does = action?.does as JobAction<unknown, unknown, unknown>;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'tutti-restart-'));
  notes = [];
  keys += 1;
  context = {
    key: `restart-${process.pid}-${keys}:print:1`,
    run: 'r1',
    task: 'print',
    attempt: 1,
    config: {},
    directory,
    stateDirectory: path.join(directory, 'state'),
    signal: new AbortController().signal,
    log: (_stream, text) => notes.push(text),
  };
  folder = folderOf(context.stateDirectory, folderName(context.key));
});
afterEach(async () => await rm(directory, { recursive: true }));

/** Prints, waits until somebody writes to the gate, prints again. */
const GATED = {
  script:
    'echo once >>effects; mkfifo gate; echo before; echo warning >&2; read _ <gate; echo after',
};

async function effects(): Promise<string> {
  return await readFile(path.join(directory, 'effects'), 'utf8').catch(() => '');
}

/** Another process submits; it is killed as soon as it has told the job. */
async function submitAndDie(input: unknown): Promise<unknown> {
  const code = `
    const { shell } = await import(${JSON.stringify(new URL('connector.ts', import.meta.url).href)});
    const context = { ...${JSON.stringify(context)}, signal: new AbortController().signal, log() {} };
    const input = shell.actions[0].input.parse(${JSON.stringify(input)});
    const job = await shell.actions[0].does.submit(context, input);
    console.log(JSON.stringify(job));
    setInterval(() => {}, 1000);
  `;
  const tsx = import.meta.resolve('tsx');
  const child = spawn(process.execPath, ['--import', tsx, '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  expect(await exit).toEqual([null, 'SIGKILL']);
  return JSON.parse(String(line));
}

async function textOf(job: unknown): Promise<string> {
  const reads = await readLog(does, context, job as never, null);
  return reads
    .flatMap((read) => read.chunks)
    .map((chunk) => `${chunk.stream}: ${chunk.text}`)
    .join('');
}

test('a job goes on when Tutti is killed, and another process follows it to its end', async () => {
  const input = action?.input.parse(GATED);
  const told = await submitAndDie(GATED);
  const job = await does.locate(context, input);
  expect(job).toEqual(told);
  let seen = '';
  while (!seen.includes('warning')) seen = await textOf(job);
  expect(await does.follow(context, job)).toMatchObject({ state: 'running' });
  const end = followToEnd(does, context, job);
  await appendFile(path.join(directory, 'gate'), 'go\n');
  expect(await end).toMatchObject({ state: 'succeeded', output: { exitCode: 0 } });
  expect(await textOf(job)).toBe('out: before\nafter\nerr: warning\n');
  expect(await does.submit(context, input)).toEqual(job);
  expect(await effects()).toBe('once\n');
}, 30_000);

const SEES = process.platform === 'linux';
requires(
  '/proc',
  SEES,
  'Linux',
)('a job whose supervisor was killed', () => {
  test('runs on for the process that takes it over, and is lost when it has ended', async () => {
    const script = `kill -9 $PPID; ${GATED.script}`;
    const told = await submitAndDie({ script });
    const job = await does.locate(context, action?.input.parse({ script }));
    expect(job).toEqual(told);
    while (!(await textOf(job)).includes('warning'));
    let state;
    do state = await does.follow(context, job);
    while (state.state === 'running' && notes.length === 0);
    expect(state).toMatchObject({ state: 'running' });
    expect(notes.join('')).toContain('live on');
    const end = followToEnd(does, context, job as never);
    await appendFile(path.join(directory, 'gate'), 'go\n');
    expect(await end).toMatchObject({ state: 'failed', failure: { class: 'lost' } });
    expect(await textOf(job)).toBe('out: before\nafter\nerr: warning\n');
    expect(await effects()).toBe('once\n');
  }, 30_000);
});

test('a folder without a claim is absent for good: a late supervisor cannot run the job', async () => {
  const input = action?.input.parse({ script: 'echo once >>effects' });
  await mkdir(folder, { recursive: true });
  expect(await does.locate(context, input)).toBe('absent');
  const command = ['/bin/sh', '-c', 'echo late >>effects'];
  const late = { folder, claim: path.join(folder, 'state.0'), command, cwd: directory, env: {} };
  await startSupervisor(late);
  const job = await does.submit(context, input);
  await followToEnd(does, context, job);
  const again = await does.submit(context, input);
  expect(await followToEnd(does, context, again)).toMatchObject({ state: 'succeeded' });
  expect(await effects()).toBe('once\n');
});

test('supervisors that race for one claim run the job once', async () => {
  await mkdir(folder, { recursive: true });
  const command = ['/bin/sh', '-c', 'echo once >>effects'];
  const start = { folder, claim: path.join(folder, 'state.0'), command, cwd: directory, env: {} };
  await Promise.all(Array.from({ length: 8 }, async () => await startSupervisor(start)));
  const job = await does.submit(context, action?.input.parse({ script: 'echo other >>effects' }));
  await followToEnd(does, context, job);
  expect(await effects()).toBe('once\n');
});

test('a starter that is lost before it answers leaves it open, and the key settles it', async () => {
  // Idempotent, so that nothing is waited for between the call and the question to the starter.
  const input = action?.input.parse({ script: 'echo once >>effects', idempotent: true });
  const other = { ...context, key: `${context.key}:other` };
  await followToEnd(does, other, await does.submit(other, action?.input.parse({ script: 'true' })));
  const starter = starterPid() ?? 0;
  process.kill(starter, 'SIGSTOP');
  const unknown = does.submit(context, input).catch((error: unknown) => error);
  process.kill(starter, 'SIGKILL');
  expect(await unknown).toMatchObject({ class: 'unknown' });
  expect(await does.locate(context, input)).toBe('absent');
  const job = await does.submit(context, input);
  expect(starterPid()).not.toBe(starter);
  expect(await followToEnd(does, context, job)).toMatchObject({ state: 'succeeded' });
  expect(await effects()).toBe('once\n');
});

test('a job outlives the starter, and is followed without it', async () => {
  const job = await does.submit(context, action?.input.parse(GATED));
  let seen = '';
  while (!seen.includes('warning')) seen = await textOf(job);
  process.kill(starterPid() ?? 0, 'SIGKILL');
  const end = followToEnd(does, context, job);
  await appendFile(path.join(directory, 'gate'), 'go\n');
  expect(await end).toMatchObject({ state: 'succeeded', output: { exitCode: 0 } });
  expect(await effects()).toBe('once\n');
});

test('a job that is cancelled before it is claimed never runs', async () => {
  await mkdir(folder, { recursive: true });
  const input = action?.input.parse({ script: 'echo once >>effects' });
  const job = await does.submit({ ...context, key: `${context.key}:other` }, input);
  const unclaimed = { ...(job as object), folder: path.basename(folder) };
  await does.cancel?.(context, unclaimed, false);
  expect(await does.follow(context, unclaimed)).toMatchObject({ state: 'cancelled' });
  expect(await does.follow(context, unclaimed)).toMatchObject({ state: 'cancelled' });
  await followToEnd(does, context, job);
  expect(await effects()).toBe('once\n');
});

/** A supervisor that has claimed the attempt and set its trap, but is held before its command. */
const HELD = `
read -r S </proc/$$/stat; read -r B </proc/sys/kernel/random/boot_id; echo "start $B $S" >"$0"
trap : TERM; mkfifo gate; echo ready; read _ <gate; sleep 1000; echo "exit $?" >>"$0"`;

test('a cancel that comes before the command was started reaches it nevertheless', async () => {
  const input = action?.input.parse({ script: 'true' });
  await mkdir(folder, { recursive: true });
  const held = spawn('/bin/sh', ['-c', HELD, path.join(folder, 'state.0')], {
    cwd: directory,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(createInterface(held.stdout), 'line');
  const job = await does.submit(context, input);
  const cancelling = does.cancel?.(context, job, false);
  // Longer than a cancel that does not wait would need to find whom to signal.
  for (let looks = 0; looks < 2; looks += 1) await sessionMembers(held.pid ?? 0);
  await appendFile(path.join(directory, 'gate'), 'go\n');
  await cancelling;
  expect(await followToEnd(does, context, job)).toMatchObject({ state: 'cancelled' });
});

test.each([
  ['the machine restarted', 'another-boot', process.pid, '1'],
  ['the pid belongs to another process', bootId(), process.pid, '1'],
  ['nothing has the pid', bootId(), 2 ** 22 + 1, '1'],
])('a started job without exit code is lost when %s', async (_why, boot, pid, start) => {
  await mkdir(folder, { recursive: true });
  const stat = `${pid} (sh) S 1 ${pid} ${pid} ${'0 '.repeat(15)}${start} 0`;
  await writeFile(path.join(folder, 'state.0'), `start ${boot} ${stat}\n`);
  const input = action?.input.parse({ script: 'echo once >>effects' });
  const job = await does.submit(context, input);
  expect(await does.follow(context, job)).toMatchObject({
    state: 'failed',
    failure: { class: 'lost', code: 'shell.lost' },
  });
  await does.cancel?.(context, job, true);
  expect(await does.follow(context, job)).toMatchObject({ state: 'cancelled' });
  expect(await effects()).toBe('');
});

test('a job whose folder is gone is lost here, and unknown on another machine', async () => {
  const input = action?.input.parse({ script: 'true' });
  const job = await does.submit(context, input);
  await followToEnd(does, context, job);
  await does.cleanUp?.(context, job);
  await expect(does.follow(context, job)).rejects.toMatchObject({ class: 'lost' });
  const far = { ...(job as object), host: 'another-host' };
  await expect(does.follow(context, far)).rejects.toMatchObject({ class: 'unknown' });
});

test('a script finds its place in the trace, unless the task sets its own', async () => {
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const printed = async (attempt: number, trace: ActionContext['trace'], env = {}) => {
    const own = { ...context, key: `${context.key}:${attempt}`, attempt, trace };
    const script = 'echo "$TRACEPARENT,$TRACESTATE"';
    const job = await does.submit(own, action?.input.parse({ script, env, output: 'text' }));
    return followToEnd(does, own, job);
  };
  const told = await printed(1, { traceparent, tracestate: 'x=1' });
  expect(told).toMatchObject({ output: { text: `${traceparent},x=1` } });
  const untold = await printed(2, undefined);
  expect(untold).toMatchObject({ output: { text: ',' } });
  const ruled = await printed(3, { traceparent, tracestate: 'x=1' }, { TRACEPARENT: 'mine' });
  expect(ruled).toMatchObject({ output: { text: 'mine,' } });
});

test('an attempt that began at another place cannot be told here, and is not begun again', async () => {
  const elsewhere: ActionContext = { ...context, elsewhere: true };
  const input = action?.input.parse({ script: 'echo once >>effects' });
  await expect(does.locate(elsewhere, input)).rejects.toMatchObject({ class: 'unknown' });
  const job = await does.submit(context, input);
  // The nodes share the state directory after all.
  expect(await does.locate(elsewhere, input)).toEqual(job);
  await followToEnd(does, elsewhere, job);
  await does.cleanUp?.(elsewhere, job);
  await expect(does.follow(elsewhere, job)).rejects.toMatchObject({ class: 'unknown' });
  await expect(does.cancel?.(elsewhere, job, false)).rejects.toMatchObject({ class: 'unknown' });
  await expect(does.follow(context, job)).rejects.toMatchObject({ class: 'lost' });
});
