/**
 * A lock that the kernel holds: the reading end of a named pipe, open in a process. A process that opens
 * the other end without waiting learns whether another reads: an answer that no name of a host, no
 * process number and no namespace of a container can make wrong, and that ends with the process,
 * however it ends.
 *
 *   NAME.3      the pipe whose reader has the lock
 *
 * Any process can open a pipe, so the lock is not the opening: each holder makes a pipe of its
 * own, opens it, and links it as the next number. Of two who saw the last holder dead, one gets
 * the number. A dead pipe never comes back to life, and the last number stays when its holder
 * goes: so no process that looked before can take what another has taken since.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  chownSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { TuttiError } from '../../model/errors.ts';
import type { Identity } from './identity.ts';

const { O_RDONLY, O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants;

const FORCE = { force: true };
/** From the making of a draft to its link it is milliseconds, on a slow disk a second. */
const DRAFT_MS = 60_000;

export interface HeldLock {
  /** A process that inherits it holds the lock, too. */
  readonly descriptor: number;
  readonly file: string;
}

export class PipeLock {
  readonly #folder: string;
  readonly #name: string;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  /** The pipe of the last holder, living or dead. */
  get file(): string | null {
    const last = this.#numbers().at(-1);
    return last === undefined ? null : this.#file(last);
  }

  isHeld(): boolean {
    const { file } = this;
    return file !== null && isRead(file);
  }

  /** Null: another process has it. `identity`: the other user that must be able to look. */
  take(identity: Identity = {}): HeldLock | null {
    for (;;) {
      const last = this.#numbers().at(-1) ?? -1;
      if (last >= 0 && isRead(this.#file(last))) return null;
      const held = this.#claim(last + 1, identity);
      if (held === null) continue;
      this.#clear(last + 1);
      return held;
    }
  }

  /** Null: another was faster. */
  #claim(number: number, identity: Identity): HeldLock | null {
    const draft = join(this.#folder, `${this.#name}.new.${randomUUID()}`);
    const file = this.#file(number);
    let descriptor: number | null = null;
    let held: HeldLock | null = null;
    try {
      makePipe(draft, identity);
      descriptor = openSync(draft, O_RDONLY | O_NONBLOCK);
      linkSync(draft, file);
      // A number that a later holder has cleared away is free again, and means nothing.
      if (this.file === file) held = { descriptor, file };
      else rmSync(file, FORCE);
    } catch (error) {
      // Without the draft: a process that slept for longer than a draft may live.
      if (!['EEXIST', 'ENOENT'].includes(codeOf(error))) throw error;
    } finally {
      rmSync(draft, FORCE);
      if (held === null && descriptor !== null) closeSync(descriptor);
    }
    return held;
  }

  /** What the holders before left, and those who died on the way to it. */
  #clear(mine: number): void {
    for (const number of this.#numbers()) if (number < mine) rmSync(this.#file(number), FORCE);
    for (const name of readdirSync(this.#folder)) {
      const file = join(this.#folder, name);
      if (name.startsWith(`${this.#name}.new.`) && isLeft(file)) rmSync(file, FORCE);
    }
  }

  #file(number: number): string {
    return join(this.#folder, `${this.#name}.${number}`);
  }

  #numbers(): readonly number[] {
    // A folder that is not there yet is not held.
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder)
      .filter((name) => name.startsWith(`${this.#name}.`))
      .map((name) => name.slice(this.#name.length + 1))
      .filter((rest) => /^\d+$/.test(rest))
      .map(Number)
      .toSorted((a, b) => a - b);
  }
}

export function makePipe(file: string, { uid, gid }: Identity): void {
  if (existsSync(file)) return;
  try {
    execFileSync('mkfifo', ['-m', '600', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    if (!existsSync(file)) throw notMade(file, error);
  }
  if (uid !== undefined) chownSync(file, uid, gid ?? uid);
}

function notMade(file: string, cause: unknown): TuttiError {
  const { stderr } = cause as { stderr?: Buffer };
  // `mkfifo: cannot create fifo 'FILE': Read-only file system`
  const said = stderr?.toString('utf8').trim().split(': ').at(-1);
  const sentence = `No pipe can be made in the folder ${dirname(file)}: ${said || String(cause)}.`;
  return new TuttiError('machine.refused', sentence, { cause });
}

/** Whether a draft is so old that its maker must be dead. */
function isLeft(draft: string): boolean {
  const facts = statSync(draft, { throwIfNoEntry: false });
  return facts !== undefined && Date.now() - facts.mtimeMs > DRAFT_MS;
}

function isRead(file: string): boolean {
  try {
    closeSync(openSync(file, O_WRONLY | O_NONBLOCK | O_NOFOLLOW));
    return true;
  } catch (error) {
    if (['ENXIO', 'ENOENT'].includes(codeOf(error))) return false;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
