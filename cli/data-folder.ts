/**
 * The data folder: what one installation of Tutti keeps on disk.
 *
 *   node          the name of this node, made once
 *   server.lock.3 who serves the folder: one process at a time; the kernel holds it (`pipe-lock.ts`)
 *   server.lock   what that process is called, for people
 *   server.json   where that process listens, for the other commands
 *   attempts/     what connectors must find again after a crash, and the id of this place
 *
 * The kernel that holds the lock is the one of this machine. On a disk that machines share the name
 * has to be believed, for this machine cannot see the others.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { closeSync, linkSync, renameSync, rmSync, statSync, statfsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { type HeldLock, PipeLock } from '../journal/embedded/pipe-lock.ts';
import { makeFolders, readFile, writeFile } from '../journal/embedded/disk.ts';
import { TuttiError } from '../model/errors.ts';
import type { Environment } from './systems.ts';

interface ProcessName {
  readonly pid: number;
  readonly host: string;
  readonly boot: string;
}
const processNameSchema = z.object({ pid: z.int(), host: z.string(), boot: z.string() });

export interface Holder {
  /** What holds the folder. */
  readonly file: string;
  /** A hint for people: the process id and the host are those of its own container. */
  readonly name: { readonly pid: number; readonly host: string } | null;
}

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
  #held: HeldLock | null = null;
  constructor(path: string) {
    this.path = path;
  }

  get stateDirectory(): string {
    return join(this.path, 'attempts');
  }

  create(): void {
    this.refuseOthers();
    makeFolders(this.stateDirectory, 0o700);
  }

  /**
   * What stands in the folder is believed: where Tutti listens, what its runs are. So no other
   * user may be able to write it. The owner may be a plain user when we are root, who was asked.
   */
  refuseOthers(): void {
    const facts = statSync(this.path, { throwIfNoEntry: false });
    const [me, group] = [process.getuid?.(), process.getgid?.()];
    if (facts === undefined || me === undefined) return;
    const { mode, uid, gid } = facts;
    const open = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== group);
    const foreign = me !== 0 && uid !== 0 && uid !== me;
    if (!open && !foreign) return;
    const how = open ? `has mode ${(mode & 0o7777).toString(8)}` : `belongs to user ${uid}`;
    throw new TuttiError(
      'data.open-to-others',
      `${this.path} ${how}: other users can write files there that Tutti would trust.`,
    );
  }

  /** It never changes: after a restart the node takes its own runs over at once. */
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

  /** The process that serves the folder, if one does. */
  holder(): Holder | null {
    const name = readJson(this.#name, processNameSchema);
    const file = this.#lock.file ?? this.#name;
    if (this.#lock.isHeld()) return { file, name };
    return name !== null && this.#mayLiveElsewhere(name) ? { file: this.#name, name } : null;
  }

  /** True when this process serves the folder from now on. */
  lock(): boolean {
    if (this.holder() !== null) return false;
    this.#held = this.#lock.take();
    if (this.#held === null) return false;
    const name: ProcessName = { pid: process.pid, host: hostname(), boot: bootId() };
    this.#writeWhole(this.#name, `${JSON.stringify(name)}\n`);
    return true;
  }

  unlock(): void {
    if (this.#held === null) return;
    rmSync(this.#name, { force: true });
    closeSync(this.#held.descriptor);
    this.#held = null;
  }

  get #lock(): PipeLock {
    return new PipeLock(this.path, 'server.lock');
  }

  get #name(): string {
    return join(this.path, 'server.lock');
  }

  #mayLiveElsewhere({ boot }: ProcessName): boolean {
    return boot !== bootId() && isShared(statfsSync(this.path).type);
  }

  #writeWhole(file: string, text: string): void {
    const draft = `${file}.${process.pid}`;
    writeFile(draft, text, { mode: 0o600 });
    renameSync(draft, file);
  }
}

/** Says who has the folder, and by which file. */
export function inUse(folder: DataFolder, silent = false): TuttiError {
  const holder = folder.holder();
  const url = folder.server()?.url;
  const { pid, host } = holder?.name ?? {};
  return new TuttiError(
    'data.in-use',
    `Another Tutti${pid === undefined ? '' : ` (process ${pid} on ${host})`} serves ${folder.path}` +
      `${url === undefined ? '' : ` at ${url}`}${silent ? ', but does not answer' : ''}. ` +
      (holder === null
        ? 'It has just stopped. Try again.'
        : `It holds ${holder.file} as long as it lives.`),
  );
}

/** Changes with every boot of a machine; empty where the system does not tell. */
function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

/** As Linux numbers its file systems: NFS, SMB (three), AFS, Ceph, Lustre, GFS2, OCFS2. */
const SHARED_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x5346414f, 0x00c36400, 0x0bd00bd0, 0x01161970,
  0x7461636f,
]);

/** Whether other machines may use the file system, too. */
export function isShared(type: number): boolean {
  return SHARED_FILE_SYSTEMS.has(type >>> 0);
}

function readText(file: string): string | undefined {
  try {
    return readFile(file);
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
export function stateDirectoryIdOf(stateDirectory: string): string {
  const file = join(stateDirectory, 'place');
  makeFolders(stateDirectory, 0o700);
  const draft = `${file}.${process.pid}`;
  writeFile(draft, `${randomUUID()}\n`, { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFile(file).trim();
}
