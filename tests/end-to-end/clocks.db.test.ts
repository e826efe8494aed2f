/**
 * A machine that was suspended, or whose clock was set: the wall clock is another one while the
 * timers count on. Played with libfaketime, which moves the clock of the process that serves.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';
import { packageRoot, ServeProcess } from '../chaos/serve-process.ts';
import { requires } from '../requires.ts';

const HOUR_S = 3_600;
const command = promisify(execFile);

function libfaketime(): string | undefined {
  const folders = ['/usr/lib', ...(existsSync('/usr/lib') ? readdirSync('/usr/lib') : [])];
  return folders
    .map((folder) => join('/usr/lib', folder, 'faketime', 'libfaketimeMT.so.1'))
    .find((file) => existsSync(file));
}

const library = libfaketime();
const ending: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

/** A node whose clock can be set. */
async function open() {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-clocks-'));
  ending.push(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'offset');
  const set = (seconds: number) => writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  set(0);
  const node = new ServeProcess(folder, {
    LD_PRELOAD: library ?? '',
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  });
  ending.push(async () => {
    node.kill('SIGKILL');
    await node.exited;
  });
  if ((await node.ready) === null) throw new Error(node.words);
  const tutti = async (...words: string[]): Promise<string> => {
    const executable = join(packageRoot(), 'cli', 'tutti.js');
    const { TUTTI_URL: _url, TUTTI_DATABASE: _database, ...env } = process.env;
    const all = [executable, ...words, '--data', folder];
    return (await command(process.execPath, all, { cwd: folder, env })).stdout;
  };
  const start = async (forHow: string): Promise<string> => {
    const workflow = join(folder, `pause-${forHow}.yaml`);
    writeFileSync(workflow, `workflow: pause-${forHow}\ntasks:\n  pause: { wait: ${forHow} }\n`);
    const words = await tutti('run', workflow, '--detach', '--json');
    return /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(words)?.[0] ?? '';
  };
  const status = async (run: string): Promise<string | undefined> =>
    /"status": *"([^"]*)"/.exec(await tutti('show', run, '--json'))?.[1];
  /** Resolves when the run has ended. */
  const ended = (run: string) => tutti('logs', run, '--follow');
  return { set, start, status, ended };
}

requires(
  'libfaketime',
  library !== undefined,
  'no libfaketimeMT.so.1 under /usr/lib/*/faketime (Debian: apt-get install faketime)',
)('a clock that is set', () => {
  it('wakes what is due by now, also what was begun later', async () => {
    const { set, start, ended, status } = await open();
    const six = await start('30m');
    set(HOUR_S);
    const ten = await start('2s');
    await ended(six);
    await ended(ten);
    expect(await status(six)).toBe('succeeded');
    expect(await status(ten)).toBe('succeeded');
  });

  it('wakes nothing early when it is set back', async () => {
    const { set, start, ended, status } = await open();
    const long = await start('4s');
    set(-HOUR_S);
    // By the clock that is now, this one is due first, and by the other one last.
    const short = await start('5s');
    await ended(short);
    expect(await status(long)).toBe('running');
    set(HOUR_S);
    await ended(long);
    expect(await status(long)).toBe('succeeded');
  });
});
