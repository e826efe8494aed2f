/** Who is there, as it travels: the proof of a server, and the link by which a browser gets in. */
import { z } from 'zod';
import { exact } from './wire.ts';

export interface Hello {
  readonly proof: string;
}
export const helloSchema = exact<Hello>('Hello', {
  proof: z.string().describe('HMAC-SHA-256 in hexadecimal digits'),
});
export const helloQuerySchema = z.strictObject({ challenge: z.string().regex(/^[0-9a-f]{64}$/) });

export interface Link {
  readonly path: string;
  readonly expiresAt: number;
}
export const linkSchema = exact<Link>('Link', {
  path: z.string().describe('Open it at the address of this server'),
  expiresAt: z.number().describe('Milliseconds since the epoch, UTC'),
});

/** Where the link leads: it stands in no document, since only the link knows the rest. */
export const ENTER_PATH = '/enter';

/** Where a node is reached: an http address that something can be added to; else undefined. */
export function addressOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  const plain = url.username === '' && url.password === '' && !/[?#]/.test(text);
  return plain ? url.origin + url.pathname.replace(/\/+$/, '') : undefined;
}
