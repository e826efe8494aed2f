import { expect, it } from 'vitest';
import { z } from 'zod';
import { secretsOf } from './secret-fields.ts';

it('finds marked fields through optionals, defaults and alternatives, and passwords in URLs', () => {
  const schema = z.object({
    user: z.string(),
    password: z.string().optional().meta({ secret: true }),
    keys: z.array(z.object({ value: z.string().meta({ secret: true }) })).default([]),
    url: z.string(),
    auth: z
      .discriminatedUnion('kind', [
        z.object({ kind: z.literal('basic'), secret: z.string().meta({ secret: true }) }),
        z.object({ kind: z.literal('none') }),
      ])
      .optional(),
  });
  const { texts, pairs } = secretsOf(schema, {
    user: 'ada',
    password: 'pass1',
    keys: [{ value: 'key1' }],
    url: 'postgres://u:p%40ss@h/d',
    auth: { kind: 'basic', secret: 'auth1' },
  });
  expect([...texts].toSorted()).toEqual(['auth1', 'key1', 'p%40ss', 'p@ss', 'pass1']);
  expect([...pairs]).toEqual(expect.arrayContaining(['ada:pass1', 'u:p@ss']));
});
