/**
 * Statements on PostgreSQL. `sql.execute` changes data, exactly once per attempt by a marker row;
 * `sql.query` reads and can be repeated.
 */
import { z } from 'zod';
import {
  type ActionContext,
  ActionFailure,
  boundedOutput,
  defineAction,
  defineConnector,
  durationMs,
  durationText,
} from '../kit/index.ts';
import { isConnectionLoss, lostCommit } from './failure.ts';
import { beginMarked, readMarker, writeMarker } from './marker.ts';
import { type Config, type Rows, type Session, withSession } from './session.ts';

const config = z.strictObject({
  url: z
    .string()
    .min(1)
    .meta({ secret: true })
    .describe('postgres://user:password@host:5432/database'),
});

const parameters = z.array(z.json()).default([]).describe('Values for $1, $2…');
const timeout = durationText.default('5m').describe('For each statement');
const one = z.strictObject({ statement: z.string().min(1), parameters });
const rows = z.array(z.record(z.string(), z.json()));
const output = z.strictObject({
  rowCount: z.int().describe('Rows that were touched or returned, over all statements'),
  rows: rows.describe('What the last statement returned'),
});
type Output = z.output<typeof output>;

const executeInput = z
  .strictObject({
    statement: z.string().min(1).optional().describe('One statement, or instead:'),
    parameters,
    statements: z.array(one).min(1).optional().describe('Several, in one transaction'),
    timeout,
  })
  .refine((given) => (given.statement === undefined) !== (given.statements === undefined), {
    message: 'needs either `statement` or `statements`',
  })
  .refine((given) => given.statements === undefined || given.parameters.length === 0, {
    message: '`parameters` belong to `statement`; give each of `statements` its own',
    path: ['parameters'],
  });
type ExecuteInput = z.output<typeof executeInput>;

async function execute(context: ActionContext<Config>, given: ExecuteInput): Promise<Output> {
  const { statement, statements } = given;
  const all = statements ?? [{ statement: statement ?? '', parameters: given.parameters }];
  for (const each of all) refuseTransactionControl(each.statement);
  return await withSession(context, async (session) => {
    const before = await beginMarked(session, context.key);
    if (before !== undefined) return output.parse(before.done);
    await limitTime(session, given.timeout);
    let rowCount = 0;
    let last: Rows | undefined;
    for (const each of all) {
      last = await session.query(each.statement, each.parameters);
      rowCount += last.rowCount;
    }
    const result = output.parse({ rowCount, rows: last?.rows ?? [] });
    boundedOutput('what the statements returned', result);
    await writeMarker(session, context.key, result);
    await commit(session);
    return result;
  });
}

async function commit(session: Session): Promise<void> {
  try {
    await session.query('commit');
  } catch (error) {
    throw isConnectionLoss(error) ? lostCommit() : error;
  }
}

async function limitTime(session: Session, text: string): Promise<void> {
  const setting = "select set_config('statement_timeout', $1, true)";
  await session.query(setting, [String(durationMs(text))]);
}

const COMMENTS = /^(?:\s+|--.*|\/\*[^]*?\*\/)/;
const CONTROL =
  /^(?:begin|start|commit|end|rollback|abort|savepoint|release|prepare\s+transaction)\b/i;

/** The transaction is ours: it holds the marker. */
function refuseTransactionControl(statement: string): void {
  let rest = statement;
  while (COMMENTS.test(rest)) rest = rest.replace(COMMENTS, '');
  if (!CONTROL.test(rest)) return;
  throw new ActionFailure({
    class: 'rejected',
    code: 'sql.transaction',
    message:
      'sql.execute runs its statements in one transaction of its own; leave out BEGIN, COMMIT and the like',
  });
}

const executeAction = defineAction({
  name: 'sql.execute',
  title: 'Execute SQL',
  description:
    'Runs statements in one transaction, exactly once: a row in the table tutti_markers is written with them.',
  system: 'required',
  input: executeInput,
  output,
  // Not because of the key, whose second call finds the marker: a retry has another key. So it
  // has to be known for certain that this one did nothing, by `locate` if the reply was lost.
  idempotent: false,
  examples: [
    {
      title: 'Post to a ledger',
      with: {
        statement: 'insert into ledger (order_id, amount) values ($1, $2)',
        parameters: ['AB-123456', 12.5],
      },
    },
    {
      title: 'Two statements in one transaction',
      with: {
        statements: [
          { statement: 'delete from staging where day = $1', parameters: ['2025-11-22'] },
          { statement: 'insert into staging select * from feed' },
        ],
      },
    },
  ],
  does: {
    form: 'call',
    call: execute,
    locate: async (context: ActionContext<Config>) =>
      await withSession(context, async (session) => {
        const marker = await readMarker(session, context.key);
        return marker === undefined ? 'absent' : { found: output.parse(marker.found) };
      }),
  },
});

const queryInput = z.strictObject({
  statement: z.string().min(1).describe('SELECT, VALUES or WITH'),
  parameters,
  limit: z.int().min(1).max(10_000).default(1000).describe('Rows to give at most'),
  timeout,
});
const queryOutput = output.extend({
  truncated: z.boolean().describe('There are more rows than `limit`'),
});

/** A cursor, so that a large table stays in the server. */
async function query(context: ActionContext<Config>, given: z.output<typeof queryInput>) {
  return await withSession(context, async (session) => {
    await session.query('begin read only');
    await limitTime(session, given.timeout);
    const declare = `declare tutti_rows no scroll cursor for ${given.statement}`;
    await session.query(declare, given.parameters);
    const fetched = await session.query(`fetch forward ${given.limit + 1} from tutti_rows`);
    await session.query('rollback');
    const kept = fetched.rows.slice(0, given.limit);
    const truncated = fetched.rows.length > kept.length;
    const result = { rowCount: kept.length, rows: rows.parse(kept), truncated };
    return boundedOutput('what the query returned', result);
  });
}

const queryAction = defineAction({
  name: 'sql.query',
  title: 'Query SQL',
  description: 'Reads rows in a read-only transaction.',
  system: 'required',
  input: queryInput,
  output: queryOutput,
  idempotent: true,
  examples: [
    {
      title: 'Open orders of a day',
      with: {
        statement: 'select id, amount from orders where day = $1',
        parameters: ['2025-11-22'],
      },
    },
  ],
  does: { form: 'call', call: query },
});

export const sql = defineConnector({
  name: 'sql',
  title: 'SQL',
  description: 'Statements on PostgreSQL.',
  config,
  concurrency: 16,
  actions: [executeAction, queryAction],
  verified: 'a real PostgreSQL 18',
});
