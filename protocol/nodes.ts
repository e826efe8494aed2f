/** The nodes that share the database. */
import { z } from 'zod';
import { READING, routes } from './route.ts';
import { count, exact, page, text } from './schema.ts';

export interface NodeView {
  readonly node: number;
  readonly name: string;
  /** Where the other nodes reach it; null when it does not say. */
  readonly url: string | null;
  readonly host: string | null;
  readonly pid: number | null;
  readonly alive: boolean;
  readonly leaseUntil: number;
  readonly registeredAt: number | null;
  readonly active: number;
  readonly asleep: number;
}
const nodeViewSchema = exact<NodeView>('Node', {
  node: z.int(),
  name: text,
  url: text.nullable().describe('Where the other nodes reach it'),
  host: text.nullable(),
  pid: z.int().nullable(),
  alive: z.boolean().describe('Its lease has not ended'),
  leaseUntil: z.number().describe("By the database's clock; 0: given back or taken away"),
  registeredAt: z.number().nullable(),
  active: count.describe('Open runs that it works on'),
  asleep: count.describe('Open runs that wait for a time or a command'),
});
const nodeListSchema = page('NodeList', nodeViewSchema);

export const NODE_ROUTES = routes({
  listNodes: {
    method: 'GET',
    url: '/nodes',
    schema: {
      tags: ['nodes'],
      summary: 'List the nodes that share the database',
      response: { 200: nodeListSchema },
    },
    refusals: READING,
  },
});
