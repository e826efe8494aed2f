/**
 * Statements on PostgreSQL. `sql.execute` changes data, exactly once per attempt by a marker row;
 * `sql.query` reads and can be repeated.
 */
import { z } from 'zod';
import {
  type ActionContext,
  boundedOutput,
  defineAction,
  defineConnector,
  durationMs,
  durationText,
} from '../kit/index.ts';
import {
  breaksOpenMarker,
  isConnectionLoss,
  lostCommit,
  mayNotAct,
  transactionEnded,
} from './failure.ts';
import { beginMarked, isMarked, limitTime, readMarker, writeMarker } from './marker.ts';
import {
  type Answer,
  type Config,
  refuseUnwritable,
  type Session,
  withSession,
} from './session.ts';
import type { Wanted } from './statement.ts';

const config = z.strictObject({
  url: z
    .string()
    .min(1)
    .meta({ secret: true })
    .describe('postgres://user:password@host:5432/database'),
});

const LOCATE_LIMIT_MS = 30_000;

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
  for (const each of all) refuseUnwritable(each.statement);
  const limitMs = durationMs(given.timeout);
  return await withSession(context, limitMs, async (session) => {
    const before = await beginMarked(session, context.key, limitMs);
    if (before !== undefined) return output.parse(before.done);
    let rowCount = 0;
    let last: Answer | undefined;
    for (const [position, each] of all.entries()) {
      // Only the rows of the last one are given.
      const wanted = { rows: position === all.length - 1 ? 'all' : 'none' } as const;
      last = await runOne(session, context.key, each, wanted);
      rowCount += last.rowCount;
    }
    const result = output.parse({ rowCount, rows: last?.rows ?? [] });
    boundedOutput('what the statements returned', result);
    if (!(await writeMarker(session, context.key, result))) {
      throw transactionEnded('its row in tutti_markers is gone', 'nothing was committed');
    }
    // It took its time: this node may have lost its runs meanwhile.
    if (!((await context.mayLeave?.()) ?? true)) throw mayNotAct();
    await commit(session);
    return result;
  });
}

/**
 * Whether the transaction is still ours is not read from the statement's text, of which there is
 * always another spelling: the server says where it stands, and which command it carried out.
 */
async function runOne(
  session: Session,
  key: string,
  { statement, parameters: values }: z.output<typeof one>,
  wanted: Wanted,
): Promise<Answer> {
  let answer: Answer;
  try {
    answer = await session.query(statement, values, wanted);
  } catch (error) {
    if (!breaksOpenMarker(error)) throw error;
    throw transactionEnded('COMMIT', 'the database refused that, and nothing was committed');
  }
  if (!answer.inTransaction) {
    // A commit would have been refused, unless the statements closed or removed our row before.
    const isUndone = answer.command === 'ROLLBACK';
    const what = isUndone ? 'nothing was committed' : 'what they had done until then is committed';
    throw transactionEnded(answer.command, what);
  }
  // Either to a savepoint, or the whole, and another transaction was begun in its place.
  if (answer.command === 'ROLLBACK' && !(await isMarked(session, key))) {
    throw transactionEnded('ROLLBACK AND CHAIN', 'nothing was committed');
  }
  return answer;
}

async function commit(session: Session): Promise<void> {
  try {
    await session.query('commit');
  } catch (error) {
    throw isConnectionLoss(error) ? lostCommit() : error;
  }
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
      await withSession(context, LOCATE_LIMIT_MS, async (session) => {
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

/** Rows are taken as they come, so that a large table stays in the server. */
async function query(context: ActionContext<Config>, given: z.output<typeof queryInput>) {
  refuseUnwritable(given.statement);
  const limitMs = durationMs(given.timeout);
  return await withSession(context, limitMs, async (session) => {
    await session.query('begin read only');
    await limitTime(session, limitMs);
    const wanted = { rows: { atMost: given.limit } };
    const found = await session.query(given.statement, given.parameters, wanted);
    await session.query('rollback');
    const result = { rowCount: found.rows.length, rows: rows.parse(found.rows) };
    return boundedOutput('what the query returned', { ...result, truncated: found.more });
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
