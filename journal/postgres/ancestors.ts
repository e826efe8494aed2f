/**
 * The runs above a run, by their keys: a child is not begun below one that is being cancelled. Nothing
 * above one that has ended matters: what was restarted by hand there is a decision of its own.
 */
import type pg from 'pg';
import { isRunId } from '../runs.ts';

/** `$1` itself, and then one parent after the other. */
export const CANCELLING_ABOVE = `
with recursive line as (
  select id, parent_run, status, ended_at from runs where id = $1
  union all
  select above.id, above.parent_run, above.status, above.ended_at
  from line join runs above on above.id = line.parent_run
  where line.ended_at is null and line.status <> 'cancelling'
)
select id from line where status = 'cancelling'`;

export async function cancellingAbove(client: pg.Client, run: string): Promise<string | null> {
  if (!isRunId(run)) return null;
  const { rows } = await client.query<{ id: string }>({
    name: 'cancelling-above',
    text: CANCELLING_ABOVE,
    values: [run],
  });
  return rows[0]?.id ?? null;
}
