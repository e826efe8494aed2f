/**
 * Statements on PostgreSQL. `sql.execute` changes data, exactly once per attempt by a marker row;
 * `sql.query` reads and can be repeated.
 */
import { type ActionContext, defineAction, defineConnector } from '../kit/index.ts';
import {
  type SqlConfig,
  config,
  executeInput,
  output,
  queryInput,
  queryOutput,
} from './schemas.ts';

const work = () => import('./work.ts');

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
    call: async (context: ActionContext<SqlConfig>, given) =>
      await (await work()).execute(context, given),
    locate: async (context: ActionContext<SqlConfig>) => await (await work()).locate(context),
  },
});

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
  does: {
    form: 'call',
    call: async (context: ActionContext<SqlConfig>, given) =>
      await (await work()).query(context, given),
  },
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
