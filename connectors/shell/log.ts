/**
 * The log of a job: its `out` and `err` files, read on from byte offsets. Offsets do not care
 * when or by whom the file is read, so a log continues exactly where it stopped.
 *
 * A chunk ends between characters: the bytes of one that is not whole yet wait for the next
 * read, unless the job is over and they will stay so.
 *
 * A job may print without end. Of each stream the beginning and the end are kept on the disk until
 * the attempt is over; what lies between is given back, in portions, whether it was read or not.
 * What is given back follows from the size alone, so every reader knows what is gone. A reader that
 * keeps up misses nothing.
 */
import path from 'node:path';
import { z } from 'zod';
import type { Json } from '../../model/json.ts';
import type { LogChunk } from '../kit/index.ts';
import { hollow } from './launcher.ts';
import { NotPlain, plainSize, readPart } from './plain-file.ts';

const MB = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
export const HEAD_BYTES = 8 * MB;
export const TAIL_BYTES = 64 * MB;
const PORTION_BYTES = 16 * MB;

/** A hole of a file, mostly: it costs nothing to make, and as text it would be three times as long. */
const EMPTY = Buffer.alloc(CHUNK_BYTES);

const cursorSchema = z.strictObject({ out: z.int().min(0), err: z.int().min(0) });

interface LogRead {
  readonly chunks: readonly LogChunk[];
  readonly cursor: Json;
  readonly more: boolean;
}

type Stream = 'out' | 'err';

export async function readLog(folder: string, at: Json, over: boolean): Promise<LogRead> {
  const cursor = at === null ? { out: 0, err: 0 } : cursorSchema.parse(at);
  const [out, err] = await Promise.all([
    readStream(folder, 'out', cursor.out, over),
    readStream(folder, 'err', cursor.err, over),
  ]);
  return {
    chunks: [...out.chunks, ...err.chunks],
    cursor: { out: out.next, err: err.next },
    more: out.more || err.more,
  };
}

interface StreamRead {
  readonly chunks: readonly LogChunk[];
  readonly next: number;
  readonly more: boolean;
}

async function readStream(
  folder: string,
  stream: Stream,
  at: number,
  over: boolean,
): Promise<StreamRead> {
  const file = path.join(folder, stream);
  try {
    // Most jobs print nothing: no file is opened for them.
    const seen = await plainSize(file);
    if (seen === undefined || seen <= at) return { chunks: [], next: at, more: false };
    const gone = goneUntil(seen);
    if (gone > 0) await giveBack(file, gone);
    const start = at >= HEAD_BYTES ? Math.max(at, gone) : at;
    const until = gone > 0 && start < HEAD_BYTES ? HEAD_BYTES : Infinity;
    let from = start;
    let part = await readPart(file, from, Math.min(CHUNK_BYTES, until - from));
    while (part?.bytes.equals(EMPTY) === true) {
      from += CHUNK_BYTES;
      part = await readPart(file, from, Math.min(CHUNK_BYTES, until - from));
    }
    if (part === undefined) return { chunks: [], next: at, more: false };
    const { bytes, size } = part;
    const atEnd = over && from + bytes.length >= size;
    const cut = atEnd || from + bytes.length === until;
    const whole = cut ? bytes.length : bytes.length - unfinishedBytes(bytes);
    const next = from + whole;
    const text = textOf(bytes.subarray(0, whole));
    const chunks: LogChunk[] = [];
    if (start > at) chunks.push(gap(stream, start - at, UNKEPT));
    if (from > start) chunks.push(gap(stream, from - start, 'all of them are NUL'));
    if (text !== '') chunks.push({ stream, text });
    return { chunks, next, more: next > at && next < size };
  } catch (error) {
    // The job put something else there. Its end says so (`outcome.ts`); there is nothing to read.
    if (error instanceof NotPlain) return { chunks: [], next: at, more: false };
    throw error;
  }
}

const UNKEPT = 'the job printed faster than they could be kept';

function gap(stream: Stream, bytes: number, why: string): LogChunk {
  const text = `${bytes} bytes of ${stream} are left out here: ${why}\n`;
  return { stream: 'note', text };
}

/** Up to which offset a stream of this size has been given back, from its head on; 0: nothing. */
export function goneUntil(size: number): number {
  const until = Math.floor((size - TAIL_BYTES) / PORTION_BYTES) * PORTION_BYTES;
  return until > HEAD_BYTES ? until : 0;
}

/** Up to where it was done already, by file: a hint, losing it costs a process. */
const given = new Map<string, number>();
/** Not every system and file system can; then the file goes with the attempt at its end. */
let refused = false;

async function giveBack(file: string, until: number): Promise<void> {
  if (refused || (given.get(file) ?? 0) >= until) return;
  given.set(file, until);
  try {
    await hollow(file, HEAD_BYTES, until);
  } catch {
    // ignored: a file system that makes no holes keeps the whole log until the attempt is over.
    refused = true;
  }
}

/** When the attempt is over. */
export function forgetLog(folder: string): void {
  for (const stream of ['out', 'err']) given.delete(path.join(folder, stream));
}

/** NUL is no text to the database that keeps the log. Replaced in bytes: there may be many. */
function textOf(bytes: Buffer): string {
  if (!bytes.includes(0)) return bytes.toString('utf8');
  const room = Buffer.allocUnsafe(bytes.length * 3);
  let at = 0;
  for (const byte of bytes) {
    if (byte === 0) {
      // U+FFFD
      room[at++] = 0xef;
      room[at++] = 0xbf;
      room[at++] = 0xbd;
    } else {
      room[at++] = byte;
    }
  }
  return room.toString('utf8', 0, at);
}

/** How many bytes at the end begin a UTF-8 character without finishing it: 0 to 3. */
function unfinishedBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
  }
  return 0;
}
