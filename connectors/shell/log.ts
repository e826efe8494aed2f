/**
 * The log of a job: its `out` and `err` files, read on from byte offsets. Offsets do not care
 * when or by whom the file is read, so a log goes on exactly where it stopped.
 *
 * A chunk ends between characters: the bytes of one that is not whole yet wait for the next
 * read, unless the job is over and they will stay so.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Json } from '../../model/json.ts';
import type { LogChunk } from '../kit/index.ts';

const CHUNK_BYTES = 64 * 1024;

const cursorSchema = z.strictObject({ out: z.int().min(0), err: z.int().min(0) });

export interface LogRead {
  readonly chunks: readonly LogChunk[];
  readonly cursor: Json;
  readonly more: boolean;
}

export function readLog(folder: string, at: Json, over: boolean): LogRead {
  const cursor = at === null ? { out: 0, err: 0 } : cursorSchema.parse(at);
  const out = readStream(path.join(folder, 'out'), cursor.out, over);
  const err = readStream(path.join(folder, 'err'), cursor.err, over);
  const chunks: LogChunk[] = [];
  if (out.text !== '') chunks.push({ stream: 'out', text: out.text });
  if (err.text !== '') chunks.push({ stream: 'err', text: err.text });
  return { chunks, cursor: { out: out.next, err: err.next }, more: out.more || err.more };
}

interface StreamRead {
  readonly text: string;
  readonly next: number;
  readonly more: boolean;
}

/** Synchronous like the rest of the folder's life, and bounded; most jobs print nothing. */
function readStream(file: string, from: number, over: boolean): StreamRead {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= from) return { text: '', next: from, more: false };
  const room = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - from));
  const bytesRead = readAt(file, room, from);
  const atEnd = over && from + bytesRead >= size;
  const whole = atEnd ? bytesRead : bytesRead - unfinishedBytes(room.subarray(0, bytesRead));
  const next = from + whole;
  // NUL is no text to the database that keeps the log.
  const text = room.toString('utf8', 0, whole).replaceAll('\0', '\uFFFD');
  return { text, next, more: whole > 0 && next < size };
}

function readAt(file: string, room: Buffer, from: number): number {
  const handle = openSync(file, 'r');
  try {
    return readSync(handle, room, 0, room.length, from);
  } finally {
    closeSync(handle);
  }
}

/** How many bytes at the end begin a UTF-8 character without finishing it: 0 to 3. */
export function unfinishedBytes(bytes: Uint8Array): number {
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
