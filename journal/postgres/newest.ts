/** Lists by the time at which the database made their rows, the newest first. */
import type pg from 'pg';
import { clampLimit, type Page, readCursor, writeCursor } from '../page.ts';

/** `at`: the time for cursors, see `exactMs`. */
type Listed<T> = T & { readonly at: number };

/**
 * `first` asks for the first page with its limit; `following` for the next one, with the time and
 * the id of the row before as well.
 */
export async function listNewest<T extends { readonly id: string }>(
  client: pg.Client,
  { first, following }: { readonly first: string; readonly following: string },
  after: string | null,
  limit: number,
): Promise<Page<T>> {
  const size = clampLimit(limit);
  const text = after === null ? first : following;
  const from = after === null ? [] : readCursor(after, ['number', 'id']);
  const { rows } = await client.query<Listed<T>>(text, [size + 1, ...from]);
  const page = rows.slice(0, size);
  const last = page.at(-1);
  const more = rows.length > page.length && last !== undefined;
  const items = page.map(({ at: _at, ...row }) => row as unknown as T);
  return { items, next: more ? writeCursor([last.at, last.id]) : null };
}
