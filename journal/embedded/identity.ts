/**
 * Who the server runs as, and what that user can reach.
 *
 * PostgreSQL refuses to run as root. Started by root, the server runs as `postgres`, else
 * `nobody`: nothing has to be created, `initdb` only wants the user to be known. A cluster that
 * exists runs as its owner, so that a folder made by a plain user still opens for root.
 */
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { TuttiError } from '../../model/errors.ts';

/** Empty: as ourselves. Spread into the options of `spawn`. */
export interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

export function serverIdentity(cluster: string): Identity {
  if (process.getuid?.() !== 0) return {};
  const owner = statSync(cluster, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const user = users.find((fields) => fields[0] === name);
    if (user !== undefined) return { uid: Number(user[2]), gid: Number(user[3]) };
  }
  throw new TuttiError(
    'database.unavailable',
    'PostgreSQL does not run as root, and /etc/passwd has neither "postgres" nor "nobody" to run it as. ' +
      'Start Tutti as another user, or give --database URL.',
  );
}

/** The user that programs without a user of their own share. */
export function runsAsNobody({ uid = process.getuid?.() }: Identity): boolean {
  if (uid === undefined || !existsSync('/etc/passwd')) return false;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  return users.some((line) => line.startsWith('nobody:') && Number(line.split(':')[2]) === uid);
}

function allowed(identity: Identity, path: string, bits: number): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  if (identity.uid === undefined) {
    try {
      accessSync(path, bits === 1 ? constants.X_OK : constants.R_OK | constants.X_OK);
      return true;
    } catch {
      // ignored: the refusal is the answer.
      return false;
    }
  }
  const shift = stat.uid === identity.uid ? 6 : stat.gid === identity.gid ? 3 : 0;
  return ((stat.mode >> shift) & bits) === bits;
}

/** Whether the server's user can get to this folder and list it (5) or pass through it (1). */
export function canReach(identity: Identity, folder: string, bits: 1 | 5 = 5): boolean {
  if (!allowed(identity, folder, bits)) return false;
  for (let at = dirname(folder); ; at = dirname(at)) {
    if (!allowed(identity, at, 1)) return false;
    if (at === dirname(at)) return true;
  }
}
