/**
 * A page of a list, and the cursors of keyset pages: the `next` of one is the `after` of the next. A
 * cursor is opaque outside, a short JSON list inside, and checked when it returns.
 */
import { TuttiError } from '../model/errors.ts';

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

const LIMIT_MAX = 1_000;

type CursorPart = string | number;
type CursorKind = 'number' | 'text' | 'id';

export function writeCursor(parts: readonly CursorPart[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

export function readCursor(cursor: string, kinds: readonly CursorKind[]): CursorPart[] {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    // ignored: what is no JSON is no cursor, which is said below.
    parts = null;
  }
  if (!Array.isArray(parts) || parts.length !== kinds.length || !parts.every(fits)) {
    throw new TuttiError(
      'request.invalid',
      '`after` is not a cursor of this list: give the `next` of the page before, or nothing for the first page.',
    );
  }
  return parts as CursorPart[];

  function fits(part: unknown, index: number): boolean {
    const kind = kinds[index];
    if (kind === 'number') return typeof part === 'number' && Number.isFinite(part);
    if (typeof part !== 'string' || part.includes('\0')) return false;
    return kind === 'text' || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(part);
  }
}

export function clampLimit(limit: number): number {
  return Math.max(1, Math.min(Math.trunc(limit) || 1, LIMIT_MAX));
}
