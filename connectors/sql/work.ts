/** What the actions do. It is loaded with the first of them, and the driver with it. */
import type { z } from 'zod';
import { type ActionContext, boundedOutput, durationMs } from '../kit/index.ts';
import {
  breaksOpenMarker,
  isConnectionLoss,
  lostCommit,
  mayNotAct,
  transactionEnded,
} from './failure.ts';
import {
  beginMarked,
  isMarked,
  limitTime,
  type MarkerTable,
  readMarker,
  writeMarker,
} from './marker.ts';
import {
  type SqlConfig,
  type ExecuteInput,
  type one,
  output,
  type Output,
  type QueryInput,
  rows,
} from './schemas.ts';
import { type Answer, refuseUnwritable, type Session, withSession } from './session.ts';
import type { Wanted } from './statement.ts';

const LOCATE_LIMIT_MS = 30_000;

export async function execute(
  context: ActionContext<SqlConfig>,
  given: ExecuteInput,
): Promise<Output> {
  const { statement, statements } = given;
  const all = statements ?? [{ statement: statement ?? '', parameters: given.parameters }];
  for (const each of all) refuseUnwritable(each.statement);
  const limitMs = durationMs(given.timeout);
  return await withSession(context, limitMs, async (session) => {
    const begun = await beginMarked(session, context.key, limitMs);
    if ('done' in begun) return output.parse(begun.done);
    const marker = { table: begun.table, key: context.key };
    let rowCount = 0;
    let last: Answer | undefined;
    for (const [position, each] of all.entries()) {
      // Only the rows of the last one are given.
      const wanted = { rows: position === all.length - 1 ? 'all' : 'none' } as const;
      last = await runOne(session, marker, each, wanted);
      rowCount += last.rowCount;
    }
    const result = output.parse({ rowCount, rows: last?.rows ?? [] });
    boundedOutput('what the statements returned', result);
    if (!(await writeMarker(session, marker.table, marker.key, result))) {
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
  marker: { readonly table: MarkerTable; readonly key: string },
  { statement, parameters: values }: z.output<typeof one>,
  wanted: Wanted,
): Promise<Answer> {
  let answer: Answer;
  try {
    answer = await session.query(statement, values, wanted);
  } catch (error) {
    if (!breaksOpenMarker(error)) throw error;
    throw transactionEnded(
      'COMMIT or the like',
      'the database refused that, and nothing was committed',
    );
  }
  if (!answer.inTransaction) {
    // A commit would have been refused, unless the statements closed or removed our row before.
    const isUndone = answer.command === 'ROLLBACK';
    const what = isUndone ? 'nothing was committed' : 'what they had done until then is committed';
    throw transactionEnded(answer.command, what);
  }
  // Either to a savepoint, or the whole, and another transaction was begun in its place.
  if (answer.command === 'ROLLBACK' && !(await isMarked(session, marker.table, marker.key))) {
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

/** The output, when the work of this attempt is committed. */
export async function locate(
  context: ActionContext<SqlConfig>,
): Promise<{ found: Output } | 'absent'> {
  return await withSession(context, LOCATE_LIMIT_MS, async (session) => {
    const marker = await readMarker(session, context.key);
    return marker === undefined ? 'absent' : { found: output.parse(marker.found) };
  });
}

/** Rows are taken as they come, so that a large table stays in the server. */
export async function query(context: ActionContext<SqlConfig>, given: QueryInput) {
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
