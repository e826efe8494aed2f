/**
 * The data folder: what one installation of Tutti keeps on disk.
 *
 *   node          the name of this node, made once
 *   server.lock   who serves the folder: one process at a time
 *   server.json   where that process listens, for the other commands
 *   attempts/     what connectors must find again after a crash, and the id of this place
 *
 * The lock file names a process by its id and start time, because ids are used again. A lock of
 * a dead process is moved away first and judged again after: of two who move, only one finds the
 * dead one's. Should that ever go wrong, the node's lease in the journal still fences one of them.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Environment } from './systems.ts';

export interface ProcessName {
  readonly pid: number;
  /** What the system says of its start; empty where it cannot be asked. */
  readonly startedAt: string;
  readonly host: string;
}
const processNameSchema = z.object({ pid: z.int(), startedAt: z.string(), host: z.string() });

export interface ServerRecord {
  readonly pid: number;
  readonly url: string;
}
const serverRecordSchema = z.object({ pid: z.int(), url: z.url() });

/** `--data`, else TUTTI_DATA, else `.tutti` in the working directory. */
export function dataFolderOf(
  given: string | undefined,
  environment: Environment,
  workingDirectory: string,
): string {
  return resolve(workingDirectory, given ?? (environment['TUTTI_DATA'] || '.tutti'));
}

export class DataFolder {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }

  get stateDirectory(): string {
    return join(this.path, 'attempts');
  }

  create(): void {
    mkdirSync(this.stateDirectory, { recursive: true, mode: 0o700 });
  }

  /** The same for ever: after a restart the node takes its own runs over at once. */
  nodeName(): string {
    const file = join(this.path, 'node');
    const known = readText(file)?.trim();
    if (known !== undefined && known !== '') return known;
    const name = `${hostname()}-${randomBytes(4).toString('hex')}`;
    this.#writeWhole(file, `${name}\n`);
    return name;
  }

  server(): ServerRecord | null {
    return readJson(join(this.path, 'server.json'), serverRecordSchema);
  }

  announce(url: string): void {
    const record: ServerRecord = { pid: process.pid, url };
    this.#writeWhole(join(this.path, 'server.json'), `${JSON.stringify(record)}\n`);
  }

  /** Takes back what this process announced. */
  withdraw(): void {
    if (this.server()?.pid === process.pid) rmSync(join(this.path, 'server.json'), { force: true });
  }

  /** The process that holds the lock, if it is alive. */
  holder(): ProcessName | null {
    const holder = readJson(this.#lock, processNameSchema);
    return holder !== null && isAlive(holder) ? holder : null;
  }

  /** True when this process serves the folder from now on. */
  lock(): boolean {
    const mine = join(this.path, `server.lock.${process.pid}`);
    writeFileSync(mine, JSON.stringify(processName()));
    try {
      return this.#link(mine) || (this.#clearDeadLock() && this.#link(mine));
    } finally {
      rmSync(mine, { force: true });
    }
  }

  unlock(): void {
    if (readJson(this.#lock, processNameSchema)?.pid === process.pid) {
      rmSync(this.#lock, { force: true });
    }
  }

  get #lock(): string {
    return join(this.path, 'server.lock');
  }

  #link(from: string): boolean {
    try {
      linkSync(from, this.#lock);
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
      throw error;
    }
  }

  #clearDeadLock(): boolean {
    if (this.holder() !== null) return false;
    const aside = `${this.#lock}.dead.${process.pid}`;
    try {
      renameSync(this.#lock, aside);
    } catch {
      return true;
    }
    const moved = readJson(aside, processNameSchema);
    // Somebody else cleared the dead lock and took it between our look and our move: give it back.
    if (moved !== null && isAlive(moved)) this.#link(aside);
    rmSync(aside, { force: true });
    return true;
  }

  #writeWhole(file: string, text: string): void {
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, text, { mode: 0o600 });
    renameSync(draft, file);
  }
}

function processName(): ProcessName {
  return { pid: process.pid, startedAt: startOf(process.pid), host: hostname() };
}

/** On Linux: clock ticks since boot, field 22 of /proc/PID/stat. */
function startOf(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === undefined) return '';
  // The name in the second field may hold blanks and parentheses: count from its end.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function isAlive({ pid, startedAt, host }: ProcessName): boolean {
  // A folder that machines share: this machine cannot tell, and must not take the lock away.
  if (host !== hostname()) return true;
  return isProcess(pid) && (startedAt === '' || startOf(pid) === startedAt);
}

function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function readJson<T>(file: string, schema: z.ZodType<T>): T | null {
  const text = readText(file);
  if (text === undefined) return null;
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/**
 * The id of a state directory, made once. Nodes of one machine may share the directory: whoever
 * comes second finds the id of the first.
 */
export function placeOf(stateDirectory: string): string {
  const file = join(stateDirectory, 'place');
  mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${randomUUID()}\n`, { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(file, 'utf8').trim();
}
