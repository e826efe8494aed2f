/**
 * What callers show, made and read. Nothing here is kept: whoever knows the key can tell.
 *
 *   token      of a data folder: 256 bits of chance; an operator's
 *   job.…      HMAC over a run by the key that the nodes share: a job's
 *   node.…     HMAC over the sender and the address that it is sent to, by the same key: worth
 *              nothing at another address
 *   session.…  HMAC over a name and an end: in the cookie of a browser, good at every node
 *
 * And a server's own: the proof that it knows the token, over a challenge and the address that was
 * asked, so that no program can fetch it for the address of another.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Caller } from '../kernel/authority.ts';

interface Keys {
  /** Of the data folder. */
  readonly token: string;
  /** That the nodes of a database share. */
  readonly nodeKey: Uint8Array;
}

/** What a server knows its callers by. */
export interface Access extends Keys {
  /** Whoever shows nothing is taken for an operator. */
  readonly open: boolean;
  /** Where the other nodes reach this one, as soon as that is known. */
  readonly address: () => string | undefined;
}

export function makeSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** `host`: the address that was asked, as the header Host has it. */
export function proofOf(token: string, challenge: string, host: string): string {
  return createHmac('sha256', token).update(`hello\n${challenge}\n${host}`).digest('hex');
}

export function isSame(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/**
 * Stands in the tokens of all jobs. Jobs print their environment: with this blacked out of logs and
 * outputs, what is left of a token there opens nothing.
 */
export function jobMark({ nodeKey }: Keys): string {
  return createHmac('sha256', nodeKey).update('mark').digest('base64url').slice(0, 22);
}

export function jobToken(keys: Keys, run: string): string {
  return signed(keys.nodeKey, 'job', `${encodeURIComponent(run)}.${jobMark(keys)}`);
}

/** `address`: where it is sent, as `addressOf` writes it. */
export function nodeToken({ nodeKey }: Keys, from: string, address: string): string {
  return signed(nodeKey, 'node', encodeURIComponent(from), address);
}

export function sessionToken({ nodeKey }: Keys, actor: string, until: number): string {
  return signed(nodeKey, 'session', `${until}%${encodeURIComponent(actor)}`);
}

/** Whose the token of a program is; null when it is no one's. `address`: where other nodes reach us. */
export function bearerOf(
  { token, nodeKey }: Keys,
  shown: string,
  address: string | undefined,
): Extract<Caller, { kind: 'job' | 'node' }> | 'operator' | null {
  if (isSame(shown, token)) return 'operator';
  const job = claimed(nodeKey, 'job', shown);
  if (job !== null)
    return { kind: 'job', run: decodeURIComponent(job.slice(0, job.lastIndexOf('.'))) };
  const name = claimed(nodeKey, 'node', shown, address);
  return name === null ? null : { kind: 'node', name: decodeURIComponent(name) };
}

export function sessionOf(
  { nodeKey }: Keys,
  shown: string,
  now: number,
): Extract<Caller, { kind: 'session' }> | null {
  const claim = claimed(nodeKey, 'session', shown) ?? '';
  const [until, actor] = [claim.split('%', 1)[0] ?? '', claim.slice(claim.indexOf('%') + 1)];
  return now < Number(until) ? { kind: 'session', actor: decodeURIComponent(actor) } : null;
}

type Kind = 'job' | 'node' | 'session';

function signed(nodeKey: Uint8Array, kind: Kind, claim: string, address?: string): string {
  return `${kind}.${claim}.${sumOf(nodeKey, kind, claim, address)}`;
}

/** What it claims, when the sum is right. */
function claimed(key: Uint8Array, kind: Kind, shown: string, address?: string): string | null {
  const [claim, sum] = [shown.slice(kind.length + 1, -44), shown.slice(-43)];
  if (shown !== `${kind}.${claim}.${sum}`) return null;
  return isSame(sum, sumOf(key, kind, claim, address)) ? claim : null;
}

/** Each kind has a key of its own: no sum of one can be taken for another's. */
function sumOf(nodeKey: Uint8Array, kind: Kind, claim: string, address = ''): string {
  const key = createHmac('sha256', nodeKey).update(kind).digest();
  return createHmac('sha256', key)
    .update(JSON.stringify([claim, address]))
    .digest('base64url');
}
