/** Pools: how many slots each has, and how many are used. */
import { z } from 'zod';
import { READING, routes } from './route.ts';
import { count, exact, page, text } from './schema.ts';

/** `workflow`: whose own it is; null for a shared one. */
export interface PoolView {
  readonly pool: string;
  readonly workflow: string | null;
  readonly slots: number;
  readonly used: number;
  readonly title: string | null;
  readonly owner: string | null;
  /** 0: declared by workflows of before, and no document. */
  readonly version: number;
  readonly sharedBy: readonly string[];
}
const poolViewSchema = exact<PoolView>('Pool', {
  pool: text,
  workflow: text.nullable(),
  slots: count,
  used: count,
  title: text.nullable(),
  owner: text.nullable(),
  version: count,
  sharedBy: z.array(text),
});

const poolListSchema = page('PoolList', poolViewSchema);

export const POOL_ROUTES = routes({
  listPools: {
    method: 'GET',
    url: '/pools',
    schema: {
      tags: ['workflows'],
      summary: 'List pools: those that workflows share, and those of one workflow',
      response: { 200: poolListSchema },
    },
    refusals: READING,
  },
});
