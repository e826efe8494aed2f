/**
 * One real PostgreSQL server of a pair: made new or copied from a running one, killed with all its
 * children, promoted. It listens on a socket in its own folder; who wants a port has a `Proxy`.
 *
 * A copy is a base backup over SQL (`pg_backup_start`), because the package of PostgreSQL from npm
 * has no `pg_basebackup`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { defaultCandidates, findBinaries } from '../../journal/embedded/binaries.ts';
import { createCluster, SUPERUSER } from '../../journal/embedded/cluster.ts';
import {
  findClusterPaths,
  PORT,
  type ClusterPaths,
  socketFolder,
} from '../../journal/embedded/cluster-paths.ts';
import { lastLogLines, serverEnvironment } from '../../journal/embedded/postmaster.ts';

const SETTINGS = {
  listen_addresses: '',
  max_connections: '100',
  shared_buffers: '32MB',
  max_wal_size: '1GB',
  wal_level: 'replica',
  wal_keep_size: '512MB',
  hot_standby: 'on',
  // A standby must not stop at once when its primary is away, nor wait long to ask again.
  wal_retrieve_retry_interval: '200ms',
  // How soon a quiet primary hears how far its standby is.
  wal_receiver_status_interval: '1s',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  jit: 'off',
  timezone: 'UTC',
  logging_collector: 'off',
};
/** What a copy makes anew; the log of changes comes by streaming. */
const NOT_COPIED = new Set(
  'pg_wal pg_replslot pg_dynshmem pg_notify pg_serial pg_snapshots pg_stat_tmp pg_subtrans'.split(
    ' ',
  ),
);
const NOT_COPIED_FILES = /^(postmaster\.(pid|opts)|backup_label\.old|\.s\.PGSQL\..*)$/;
const LOOK_MS = 20;

export class Server {
  readonly name: string;
  readonly paths: ClusterPaths;
  #process: ChildProcess | null = null;
  readonly #abandon = (): void => void this.#process?.kill('SIGKILL');

  constructor(folder: string, name: string) {
    this.name = name;
    mkdirSync(join(folder, name), { recursive: true });
    this.paths = findClusterPaths(join(folder, name));
  }

  get sockets(): string {
    return socketFolder(this.paths);
  }

  /** Where a proxy leads. */
  get socket(): string {
    return join(this.sockets, `.s.PGSQL.${PORT}`);
  }

  async create(): Promise<void> {
    await createCluster(this.paths, findBinaries(this.paths, null, defaultCandidates()));
    this.#write('pg_hba.conf', 'local all all trust\nlocal replication all trust\n');
  }

  /** Until it answers. */
  async start(): Promise<void> {
    const binaries = findBinaries(this.paths, null, defaultCandidates());
    const log = openSync(this.paths.log, 'a', 0o600);
    const settings = Object.entries(SETTINGS).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
    this.#process = spawn(
      join(binaries.folder, 'postgres'),
      ['-D', this.paths.cluster, '-k', this.sockets, '-p', String(PORT), ...settings],
      {
        ...this.paths.identity,
        cwd: this.paths.cluster,
        env: serverEnvironment(),
        stdio: ['ignore', log, log],
      },
    );
    closeSync(log);
    this.#process.unref();
    // A test that is given up must not leave a server behind.
    process.once('exit', this.#abandon);
    await holds(`${this.name} answers`, async () => {
      if (this.#process?.exitCode !== null)
        throw new Error(`${this.name} ended: ${lastLogLines(this.paths)}`);
      return (await this.ask('select 1').catch(() => null)) !== null;
    });
  }

  /** The postmaster and all its children, as a power cut would. */
  async kill(): Promise<void> {
    const postmaster = this.#process;
    this.#process = null;
    process.off('exit', this.#abandon);
    if (postmaster?.pid === undefined || postmaster.exitCode !== null) return;
    postmaster.ref();
    const ended = new Promise((resolve) => postmaster.once('exit', resolve));
    // Stopped first, or it would mourn its children before it is killed itself.
    postmaster.kill('SIGSTOP');
    const children = childrenOf(postmaster.pid);
    postmaster.kill('SIGKILL');
    for (const pid of children) strike(pid);
    await ended;
    await holds('its children are gone', () => children.every((pid) => !runs(pid)));
  }

  async ask<T extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values: unknown[] = [],
    database = 'postgres',
  ): Promise<T[]> {
    const client = new pg.Client({
      host: this.sockets,
      port: PORT,
      user: SUPERUSER,
      database,
      application_name: 'harness',
    });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<T>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  async promote(): Promise<void> {
    await this.ask('select pg_promote(true, 60)');
    await holds('it takes writes', async () => {
      const [row] = await this.ask<{ standby: boolean }>('select pg_is_in_recovery() as standby');
      return row?.standby === false;
    });
  }

  /** For a setting that both servers have to have, whoever is primary. */
  async set(name: string, value: string): Promise<void> {
    await this.ask(`alter system set ${name} = '${value}'`);
    await this.ask('select pg_reload_conf()');
  }

  /** Becomes a standby of `primary`, from nothing. */
  async copyFrom(primary: Server): Promise<void> {
    const { cluster } = this.paths;
    rmSync(cluster, { recursive: true, force: true });
    const client = new pg.Client({
      host: primary.sockets,
      port: PORT,
      user: SUPERUSER,
      database: 'postgres',
    });
    client.on('error', () => undefined);
    await client.connect();
    try {
      await client.query(`select pg_backup_start('copy', true)`);
      this.#copyFolder(primary.paths.cluster, cluster);
      const { rows } = await client.query<{ label: string }>(
        'select labelfile as label from pg_backup_stop(false)',
      );
      this.#write('backup_label', rows[0]?.label ?? '');
    } finally {
      await client.end();
    }
    for (const name of NOT_COPIED) this.#makeFolder(join(cluster, name));
    this.#makeFolder(join(cluster, 'pg_wal', 'archive_status'));
    this.#write('standby.signal', '');
    const source = `host=${primary.sockets} port=${PORT} user=${SUPERUSER} application_name=standby`;
    const kept = readFileSync(join(cluster, 'postgresql.auto.conf'), 'utf8')
      .split('\n')
      .filter((line) => !/^(primary_conninfo|synchronous_standby_names)\b/.test(line));
    const own = [`primary_conninfo = '${source}'`, "synchronous_standby_names = '*'"];
    this.#write('postgresql.auto.conf', `${[...kept, ...own].join('\n')}\n`);
  }

  #copyFolder(from: string, to: string): void {
    this.#makeFolder(to);
    for (const entry of readdirSync(from, { withFileTypes: true })) {
      const [source, target] = [join(from, entry.name), join(to, entry.name)];
      if (entry.isDirectory()) {
        if (!NOT_COPIED.has(entry.name)) this.#copyFolder(source, target);
      } else if (entry.isFile() && !NOT_COPIED_FILES.test(entry.name)) {
        this.#copyFile(source, target);
      }
    }
  }

  #copyFile(source: string, target: string): void {
    try {
      copyFileSync(source, target);
    } catch (error) {
      // Files of a database come and go; what matters of them is in the log of changes.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    this.#hand(target, 0o600);
  }

  #makeFolder(path: string): void {
    mkdirSync(path, { recursive: true });
    this.#hand(path, 0o700);
  }

  #write(name: string, text: string): void {
    const path = join(this.paths.cluster, name);
    writeFileSync(path, text);
    this.#hand(path, 0o600);
  }

  #hand(path: string, mode: number): void {
    const { uid, gid } = this.paths.identity;
    chmodSync(path, mode);
    if (uid !== undefined) chownSync(path, uid, gid ?? uid);
  }
}

const HOLDS_LIMIT_MS = 60_000;

/** For facts of other processes, which send no signal; the tests themselves wait for these. */
export async function holds(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  limitMs = HOLDS_LIMIT_MS,
): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`it never came that ${what}`);
    await delay(LOOK_MS);
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => parentOf(each) === pid);
}

function parentOf(pid: number): number | null {
  try {
    // The name before it is in brackets and may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null;
  }
}

function strike(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

function runs(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}
