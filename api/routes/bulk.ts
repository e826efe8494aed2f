/**
 * Commands on many runs: count, begin, watch, stop. What begins is a list of the runs that the
 * filter found at that moment; the engine works it off and the journal keeps how far it is.
 */
import { BULK_MAX, type BulkRow } from '../../journal/bulks.ts';
import { TuttiError } from '../../model/errors.ts';
import { ROUTES } from '../../protocol/routes.ts';
import type { BulkView } from '../../protocol/bulk.ts';
import { byOf } from '../actor.ts';
import type { App } from '../app.ts';
import type { ApiContext } from '../context.ts';
import { markOf } from '../idempotency.ts';
import { holds } from '../long-poll.ts';
import { granted } from '../problem.ts';
import { filterOf } from './runs.ts';

const MOST_REFUSALS = 100;

function viewOf(row: BulkRow, refusals: BulkView['refusals']): BulkView {
  const { id, verb, by, createdAt, endedAt, cancelledAt, total, done, refused } = row;
  const status = cancelledAt === null ? (endedAt === null ? 'running' : 'done') : 'cancelled';
  const filter = { ...row.filter } as BulkView['filter'];
  return { id, verb, status, filter, by, createdAt, endedAt, total, done, refused, refusals };
}

async function find(context: ApiContext, id: string): Promise<BulkRow> {
  const row = await context.bulks.find(id);
  if (row !== null) return row;
  throw new TuttiError('bulk.unknown', `There is no bulk command ${JSON.stringify(id)}.`);
}

async function look(context: ApiContext, id: string): Promise<BulkView> {
  const row = await find(context, id);
  const refusals = row.refused === 0 ? [] : await context.bulks.refusals(id, MOST_REFUSALS);
  return viewOf(
    row,
    refusals.map(({ run, outcome, message }) => ({ run, code: outcome, message: message ?? '' })),
  );
}

export function bulkRoutes(app: App, context: ApiContext): void {
  beginning(app, context);
  watching(app, context);
}

function beginning(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.countBulk,
    handler: async (request) => {
      const count = await context.bulks.count(filterOf(request.body.filter));
      return count > BULK_MAX ? { count: BULK_MAX, more: true as const } : { count };
    },
  });
  app.route({
    ...ROUTES.beginBulk,
    handler: async (request, reply) => {
      const { verb, filter, expected, reason } = request.body;
      const { run: id } = granted(
        await context.door.bulks.request({
          id: markOf(request)?.id ?? context.newId(),
          verb,
          filter: filterOf(filter),
          ...(expected === undefined ? {} : { expected }),
          by: byOf(request, reason),
        }),
      );
      return reply
        .code(202)
        .header('location', `/api/v1/bulk/${id}`)
        .send(await look(context, id));
    },
  });
  app.route({
    ...ROUTES.cancelBulk,
    handler: async (request) => {
      await find(context, request.params.bulk);
      await context.door.bulks.cancel(request.params.bulk);
      return look(context, request.params.bulk);
    },
  });
}

function watching(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.listBulks,
    handler: async (request) => {
      const { after, limit } = request.query;
      const { items, next } = await context.bulks.list(after ?? null, limit);
      return { items: items.map((row) => viewOf(row, [])), next };
    },
  });
  app.route({
    ...ROUTES.getBulk,
    handler: async (request, reply) => {
      const { bulk } = request.params;
      const { after, wait } = request.query;
      const first = await find(context, bulk);
      if (first.endedAt === null && first.done + first.refused <= after) {
        // Another node may be the one that works on it: it announces nothing here.
        await context.polls.wait(reply, wait ?? 0, (signal) =>
          holds(context.logPollMs, signal, async () => {
            const { endedAt, done, refused } = await find(context, bulk);
            return endedAt !== null || done + refused > after;
          }),
        );
      }
      return look(context, bulk);
    },
  });
}
