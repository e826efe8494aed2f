/**
 * Requests by their Idempotency-Key. One statement decides who carries a request out: the insert
 * wins once, and an unanswered one of a minute ago is handed on, because the node that had it is gone
 * (requests answer or fail in seconds).
 */
import type pg from 'pg';
import type { RequestState, StoredAnswer } from '../requests.ts';

const ABANDONED = `interval '60 seconds'`;
const KEPT = `interval '24 hours'`;
/** Each new one takes away a few that are too old, so the table does not grow. */
const SWEPT = 20;

export const FORGET_OLD = `
delete from requests where key in
  (select key from requests where begun_at < now() - ${KEPT} order by begun_at limit ${SWEPT})`;
export const BEGIN = `
insert into requests (key, id, fingerprint) values ($1, $2, $3)
on conflict (key) do update set begun_at = now()
where requests.fingerprint = excluded.fingerprint and requests.status is null
  and requests.begun_at < now() - ${ABANDONED}
returning id`;
export const FIND =
  'select id, fingerprint, status, type, location, body from requests where key = $1';
export const FINISH = `
update requests set status = $2, type = $3, location = $4, body = $5 where key = $1`;
export const INTERRUPT = `
update requests set begun_at = now() - ${ABANDONED} - interval '1 second'
where key = $1 and status is null`;

interface StoredRequest extends Omit<StoredAnswer, 'status'> {
  readonly id: string;
  readonly fingerprint: string;
  readonly status: number | null;
}

async function begin(
  client: pg.Client,
  key: string,
  fingerprint: string,
  id: string,
): Promise<RequestState> {
  await client.query(FORGET_OLD);
  const begun = await client.query<{ id: string }>(BEGIN, [key, id, fingerprint]);
  const ours = begun.rows[0];
  if (ours !== undefined) return { state: ours.id === id ? 'fresh' : 'interrupted', id: ours.id };
  const { rows } = await client.query<StoredRequest>(FIND, [key]);
  const known = rows[0];
  if (known === undefined) return begin(client, key, fingerprint, id);
  if (known.fingerprint !== fingerprint) return { state: 'other' };
  const { status, type, location, body } = known;
  if (status !== null) return { state: 'answered', answer: { status, type, location, body } };
  // By this very call, whose answer was lost.
  return known.id === id ? { state: 'fresh', id } : { state: 'under-way' };
}

async function finish(client: pg.Client, key: string, answer: StoredAnswer): Promise<void> {
  const { status, type, location, body } = answer;
  await client.query(FINISH, [key, status, type, location, body]);
}

async function interrupt(client: pg.Client, key: string): Promise<void> {
  await client.query(INTERRUPT, [key]);
}

export const REQUESTS = { begin, finish, interrupt };
