/**
 * What tells how a job ends may go before the job does. As long as one of its processes lives the
 * job runs, so that no other attempt begins beside it; it is lost only when the last one has ended.
 */
import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { requires } from '../../tests/requires.ts';
import { followToEnd, readLog } from '../kit/conformance.ts';
import type { ActionContext, JobAction, JobState } from '../kit/index.ts';
import { folderName, folderOf } from './attempt-folder.ts';
import { shell } from './connector.ts';
import { carriersOf, sessionMembers } from './processes.ts';

const action = shell.actions[0];
const does = action?.does as JobAction<unknown, unknown, unknown>;
let directory: string;
let context: ActionContext;
let notes: string[];
let keys = 0;

/** The script opens it before it is written to, and waits: `read _ <gate`. */
const gate = (): string => path.join(directory, 'gate');

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'tutti-survivors-'));
  for (const pipe of ['gate', 'told']) execFileSync('mkfifo', [path.join(directory, pipe)]);
  notes = [];
  keys += 1;
  context = {
    key: `survivors-${process.pid}-${keys}:task:1`,
    run: 'r1',
    task: 'task',
    attempt: 1,
    config: {},
    directory,
    stateDirectory: path.join(directory, 'state'),
    signal: new AbortController().signal,
    log: (stream, text) => notes.push(`${stream}: ${text}`),
  };
});
afterEach(async () => await rm(directory, { recursive: true }));

/** Comes back when the script has written to `told`. */
async function begin(script: string): Promise<never> {
  const env = { FOLDER: folderOf(context.stateDirectory, folderName(context.key)) };
  const job = await does.submit(context, action?.input.parse({ script, env }));
  await readFile(path.join(directory, 'told'));
  return job as never;
}

/** A process that was killed is there for a moment still. */
async function followToNote(job: never): Promise<JobState<unknown>> {
  for (;;) {
    const state = await does.follow(context, job);
    if (state.state !== 'running' || notes.length > 0) return state;
  }
}

async function textOf(job: never): Promise<string> {
  const reads = await readLog(does, context, job, null);
  return reads.flatMap(({ chunks }) => chunks.map(({ text }) => text)).join('');
}

const lost = (words: string) => ({
  state: 'failed',
  failure: {
    class: 'lost',
    code: 'shell.lost',
    message: expect.stringContaining(words) as string,
  },
});

requires(
  '/proc',
  process.platform === 'linux',
  'Linux',
)('a job whose supervisor was killed', () => {
  const LIVES: [where: string, script: string][] = [
    ['the script itself', 'kill -9 $PPID; echo >told; read _ <gate; echo after'],
    [
      'a process that left the session',
      "setsid sh -c 'echo >told; read _ <gate; echo after' & kill -9 $PPID",
    ],
    [
      'a process without the key',
      "env -i PATH=$PATH sh -c 'echo >told; read _ <gate; echo after' & kill -9 $PPID",
    ],
  ];
  test.each(LIVES)('runs while %s lives, and is lost when it ends', async (_where, script) => {
    const job = await begin(script);
    expect(await followToNote(job)).toMatchObject({ state: 'running', askAgainMs: 1000 });
    expect(await does.follow(context, job)).toMatchObject({ state: 'running' });
    expect(notes).toEqual([expect.stringMatching(/supervisor .* was killed.* live on.*: pid \d/)]);
    await appendFile(gate(), 'go\n');
    expect(await followToEnd(does, context, job)).toMatchObject(lost('was killed'));
    expect(await textOf(job)).toBe('after\n');
    expect(notes).toHaveLength(1);
  });

  test.each([
    ['asked', false],
    ['with force', true],
  ])('ends when it is cancelled (%s)', async (_how, force) => {
    const job = await begin(
      `${force ? "trap '' TERM; " : ''}kill -9 $PPID; echo >told; read _ <gate`,
    );
    expect(await followToNote(job)).toMatchObject({ state: 'running' });
    await does.cancel?.(context, job, force);
    expect(await followToEnd(does, context, job)).toMatchObject({ state: 'cancelled' });
  });
});

requires(
  '/proc',
  process.platform === 'linux',
  'Linux',
)('a job that removed its folder', () => {
  const SCRIPT = 'rm -r "$FOLDER"; echo >told; read _ <gate; echo once >>effects';

  test('runs while it lives, and is lost when it ends', async () => {
    const job = await begin(SCRIPT);
    expect(await does.follow(context, job)).toMatchObject({ state: 'running', askAgainMs: 1000 });
    expect(notes).toEqual([expect.stringMatching(/folder .* is gone.* live on.*: pid \d/)]);
    await appendFile(gate(), 'go\n');
    await expect(followToEnd(does, context, job)).rejects.toMatchObject({ class: 'lost' });
    expect(await readFile(path.join(directory, 'effects'), 'utf8')).toBe('once\n');
  });

  test('ends when it is cancelled', async () => {
    const job = await begin(SCRIPT);
    await does.cancel?.(context, job, false);
    await expect(followToEnd(does, context, job)).rejects.toMatchObject({ class: 'lost' });
    expect(await carriersOf(`TUTTI_KEY=${context.key}`)).toEqual([]);
  });
});

test('a job that spoiled its claim is not asked without a pause', async () => {
  const job = await begin(
    'rm "$FOLDER/state.0"; mkfifo "$FOLDER/state.0"; echo >told; read _ <gate',
  );
  // By a process that did not start it: nobody tells it of the end.
  const over = new AbortController();
  const { watchFolder } = await import('./supervisor.ts');
  const folder = folderOf(context.stateDirectory, folderName(context.key));
  let woken = false;
  const wake = watchFolder(folder, over.signal).then(() => (woken = true));
  // Longer than it needs to look whether the job is over.
  for (let looks = 0; looks < 3; looks += 1) await sessionMembers(process.pid);
  expect(woken).toBe(false);
  over.abort();
  await wake;
  await appendFile(gate(), 'go\n');
  await followToEnd(does, context, job);
});
