/**
 * A journal of any size, made by the server itself in seconds: runs of all kinds, spread over a
 * year, and crooked where it hurts. A workflow that ran only long ago, one with a run now and then,
 * a parent of thousands, a key that many workflows use, a version of thousands, one large log,
 * one large bulk command with three refusals, old open runs among ended ones.
 */
import type pg from 'pg';

export interface Amounts {
  readonly runs: number;
  /** Task events of each run; it has two more, of the run. */
  readonly tasks: number;
  /** Some open runs have no owner that lives, and whoever has room claims them. */
  readonly orphans: boolean;
}

const DAYS = 365;
const WORKFLOWS = 50;
const SHARED_KEYS = 40;
const VERSIONS = 2_000;
const LOG_ROWS = 20_000;
/** One in so many is a child of the first. A small journal has enough of them for a page, too. */
const RUNS_PER_CHILD = 20;
const FEW_RUNS = 10_000;
const FEW_RUNS_PER_CHILD = 5;
/** One row of the feed for so many runs. */
const RUNS_PER_FEED_ROW = 10;

export interface Volume extends Amounts {
  /** When the newest run began, milliseconds. */
  readonly now: number;
  /** The id of the nth run, from 1 on, and when it began. */
  readonly idOf: (n: number) => string;
  readonly createdAt: (n: number) => number;
  /** The day of the nth run. */
  readonly dateOf: (n: number) => string;
  /** Of many children, a workflow among them that none of them is of. */
  readonly parent: string;
  readonly bulk: string;
}

/** The run's number as an id that grows with time, as the engine's ids do. */
const ID = (n: string): string => `(lpad(to_hex(${ms('$1', n)}), 12, '0')
  || '7000' || '8000' || lpad(to_hex(${n}), 12, '0'))::uuid`;

function ms(first: string, n: string): string {
  return `(${first}::bigint + (${n} - 1)::bigint * $2::bigint)`;
}

const RUNS = `
insert into runs (id, created_at, ended_at, wake_at, owner, version, total, ended, failed,
  parent_run, parent_task, parent_attempt, business_date, workflow, status, key, "by")
select ${ID('n')}, to_timestamp(at / 1000.0),
  case when status in ('running', 'held', 'cancelling') then null else to_timestamp(at / 1000.0) + interval '1 minute' end,
  case when status = 'held' then 'infinity'::timestamptz
    when status = 'running' and n % 3 = 0 then to_timestamp(at / 1000.0) + interval '90 days' end,
  case when not $7::bool then 1 + n % 3 when n % 1000 = 1 then null else 1 + n % 6 end, 1, $4::int, $4::int, case status when 'failed' then 1 else 0 end,
  case when n > 2 and n % $8::int = 0 then ${ID('1')} when n > 100 and n % 50 = 7 then ${ID('(n - n % 50)')} end,
  case when n > 2 and n % $8::int = 0 or n > 100 and n % 50 = 7 then 'call' end,
  case when n > 2 and n % $8::int = 0 or n > 100 and n % 50 = 7 then 1 end,
  case when n % 2 = 0 then (to_timestamp(at / 1000.0) at time zone 'UTC')::date end,
  case when n <= $3::int / 200 then 'of-long-ago' when n % 20011 = 0 then 'now-and-then'
    when n > $3::int - ${SHARED_KEYS} then 'keyed-' || n else 'w' || n % ${WORKFLOWS} end,
  status,
  case when n > $3::int - ${SHARED_KEYS} then 'shared' when n % 4 = 0 then 'k' || n end,
  '{"actor":"volume"}'
from (
  select n, ${ms('$1', 'n')} as at,
    case when n > $3::int - $3::int / 100 and n % 2 = 0 then 'running' when n % 5003 = 0 then 'held'
      when n % 9001 = 0 then 'cancelling' when n % 50 = 0 or n = 1 or n > $3::int - $3::int / 50 then 'failed' when n % 997 = 0 then 'timed-out'
      when n % 499 = 0 then 'cancelled' else 'succeeded' end as status
  from generate_series($5::int, $6::int) as n
) as made`;

const EVENTS = `
insert into events (run_id, at, seq, attempt, type, task, "end", data)
select ${ID('n')}, to_timestamp(${ms('$1', 'n')} / 1000.0) + seq * interval '1 second', seq,
  case when seq between 1 and $3::int then 1 end,
  case seq when 0 then 'RunStarted' when $3::int + 1 then 'RunEnded' else 'TaskEnded' end,
  case when seq between 1 and $3::int then 't' || seq end,
  case when seq > 0 then 'succeeded' end,
  '{"startedAt":1800000000000,"output":{"ok":true}}'
from generate_series($4::int, $5::int) as n, generate_series(0, $3::int + 1) as seq`;

/** A row is the number of a real transaction: those that were never begun are read by nobody. */
const FEED = `
do $$
declare step bigint := current_setting('volume.step')::bigint; first bigint := current_setting('volume.first')::bigint;
  tasks int := current_setting('volume.tasks')::int; n int := 1; spans bytea;
begin
  while n <= current_setting('volume.runs')::int loop
    select string_agg(decode(lpad(to_hex(first + (i - 1) * step), 12, '0') || '70008000' || lpad(to_hex(i), 12, '0'), 'hex')
      || int4send(0) || int4send(tasks + 2), ''::bytea order by i) into spans
    from generate_series(n, least(n + ${RUNS_PER_FEED_ROW - 1}, current_setting('volume.runs')::int)) as i;
    insert into feed (spans) values (spans);
    n := n + ${RUNS_PER_FEED_ROW};
    commit;
  end loop;
end $$`;

const REST: readonly string[] = [
  `insert into workflows (name, title, version, deployed_at)
   select 'w' || n, 'Workflow ' || n, case n when 0 then ${VERSIONS} else 1 end, now() from generate_series(0, 2000) as n`,
  `insert into versions (workflow, version, definition, source, directory, deployed_at, "by")
   select 'w0', n, '{}'::json, 'workflow: w0', '/', now(), '{}'::json from generate_series(1, ${VERSIONS}) as n
   union all select 'w' || n, 1, '{}'::json, 'workflow: w', '/', now(), '{}'::json from generate_series(1, 2000) as n`,
  `insert into task_logs (at, run_id, attempt, position, task, stream, text, cursor)
   select created_at, id, 1, 0, 't1', 'out', repeat('a line of a log, ', 6), '{"offset":102}'
   from runs where 'x' || right(id::text, 1) in ('x0', 'x5', 'xa')`,
  `insert into task_logs (at, run_id, attempt, position, task, stream, text, cursor)
   select now(), (select id from runs order by created_at, id limit 1), 1 + n % 2, n / 2, 't2', 'out', 'line', '{"offset":1}'
   from generate_series(0, ${LOG_ROWS}) as n`,
  `insert into requests (key, id, fingerprint, begun_at, status)
   select 'key-' || n, gen_random_uuid(), 'f', now() - (n % 86000) * interval '1 second' - case when n % 1000 = 0 then interval '2 days' else '0' end, 201
   from generate_series(1, (select count(*)::int / 5 from runs)) as n`,
  `insert into bulks (id, created_at, ended_at, total, done, refused, verb, filter, "by", owner)
   select ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, now() - n * interval '1 minute',
     case when n <> 1 then now() end, 1, 1, 0, 'hold', '{}', '{}', 1
   from generate_series(1, (select 1 + count(*)::int / 20 from runs)) as n`,
  `insert into bulk_runs (bulk, run, outcome)
   select '00000000-0000-7000-8000-000000000001', id,
     case when n in (10, 20, 30) then 'run.wrong-status' when n > 50 and n % 1000 = 0 then null else 'done' end
   from (select id, row_number() over (order by id) as n from runs where status <> 'running' limit 100000) as numbered`,
  `insert into retentions (id, created_at, ended_at, owner, scope, place, counts, "by")
   select gen_random_uuid(), now() - n * interval '1 hour', case when n <> 1 then now() end, 1, '{}', '{}', '{}', '{}'
   from generate_series(1, 2000) as n`,
  `insert into pools (name, capacity) select 'p' || n, 100 from generate_series(1, 200) as n`,
  `insert into slots (run, task, attempt, pool, slots)
   select id, 't1', 1, 'p' || (1 + row_number() over () % 200), 1 from runs where status = 'running' limit 2000`,
];

const NODES = `
with made as (insert into nodes (name, epoch) select 'n' || n, 1 from generate_series(1, 6) as n returning id)
insert into leases (node, until) select id, case when id <= 3 then now() + interval '100 days' end from made`;

const PORTION = 100_000;

function idText(at: number, n: number): string {
  return `${hex(at).slice(0, 8)}-${hex(at).slice(8)}-7000-8000-${hex(n)}`;
}

function hex(value: number): string {
  return value.toString(16).padStart(12, '0');
}

function stepOf(runs: number): number {
  return Math.floor((DAYS * 86_400_000) / runs);
}

/** What stands where in a journal that was filled so. */
export function volumeOf(amounts: Amounts, now: number): Volume {
  const step = stepOf(amounts.runs);
  const first = now - step * (amounts.runs - 1);
  const createdAt = (n: number): number => first + (n - 1) * step;
  return {
    ...amounts,
    now,
    createdAt,
    idOf: (n) => idText(createdAt(n), n),
    dateOf: (n) => new Date(createdAt(n)).toISOString().slice(0, 10),
    parent: idText(first, 1),
    bulk: '00000000-0000-7000-8000-000000000001',
  };
}

/** Fills an empty journal. `now` is where its year ends. */
export async function fillVolume(
  client: pg.Client,
  amounts: Amounts,
  now: number,
  say: (words: string) => void = () => undefined,
): Promise<Volume> {
  const { runs, tasks, orphans } = amounts;
  const volume = volumeOf(amounts, now);
  const [step, first] = [stepOf(runs), volume.createdAt(1)];
  const children = runs < FEW_RUNS ? FEW_RUNS_PER_CHILD : RUNS_PER_CHILD;
  await client.query('set synchronous_commit = off');
  await client.query(NODES);
  for (let from = 1; from <= runs; from += PORTION) {
    const to = Math.min(runs, from + PORTION - 1);
    await client.query(RUNS, [first, step, runs, tasks, from, to, orphans, children]);
    await client.query(EVENTS, [first, step, tasks, from, to]);
    say(`${to.toLocaleString('en')} runs`);
  }
  await client.query(
    `set volume.step = ${step}; set volume.first = ${first}; set volume.tasks = ${tasks}; set volume.runs = ${runs}`,
  );
  await client.query(FEED);
  for (const text of REST) await client.query(text);
  await client.query('vacuum (analyze)');
  await client.query('reset synchronous_commit');
  say('the rest');
  return volume;
}
