/** What a SQL system is configured with, and what the actions take and give. */
import { z } from 'zod';
import { durationText } from '../kit/index.ts';

export const config = z.strictObject({
  url: z
    .string()
    .min(1)
    .meta({ secret: true })
    .describe('postgres://user:password@host:5432/database'),
});

export type SqlConfig = z.output<typeof config>;

const parameters = z.array(z.json()).default([]).describe('Values for $1, $2…');
const timeout = durationText.default('5m').describe('For each statement');
export const one = z.strictObject(
  { statement: z.string().min(1), parameters },
  { error: 'expected a map, such as { statement: "select 1" }' },
);
export const rows = z.array(z.record(z.string(), z.json()));
export const output = z.strictObject({
  rowCount: z.int().describe('Rows that were touched or returned, over all statements'),
  rows: rows.describe('What the last statement returned'),
});
export type Output = z.output<typeof output>;

export const executeInput = z
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
export type ExecuteInput = z.output<typeof executeInput>;

export const queryInput = z.strictObject({
  statement: z.string().min(1).describe('SELECT, VALUES or WITH'),
  parameters,
  limit: z.int().min(1).max(10_000).default(1000).describe('Rows to give at most'),
  timeout,
});
export const queryOutput = output.extend({
  truncated: z.boolean().describe('There are more rows than `limit`'),
});
export type QueryInput = z.output<typeof queryInput>;
