/**
 * Retention: begin, watch, stop. Ages become times by the clock of this node, once, at the
 * beginning; the engine works it off and the journal keeps how far it is.
 */
import type { RetentionRow } from '../../journal/retentions.ts';
import { parseDuration } from '../../model/duration.ts';
import { TuttiError } from '../../model/errors.ts';
import type { RetentionView } from '../../protocol/retention.ts';
import { ROUTES } from '../../protocol/routes.ts';
import { byOf } from '../actor.ts';
import type { App } from '../app.ts';
import type { ApiContext } from '../context.ts';
import { markOf } from '../idempotency.ts';
import { holds } from '../long-poll.ts';

function statusOf({ endedAt, cancelledAt, failure }: RetentionRow): RetentionView['status'] {
  if (failure !== null) return 'failed';
  if (cancelledAt !== null) return 'cancelled';
  return endedAt === null ? 'running' : 'done';
}

function viewOf(row: RetentionRow): RetentionView {
  const { id, scope, by, createdAt, endedAt, portions, counts, failure } = row;
  const status = statusOf(row);
  return { id, status, ...scope, by, createdAt, endedAt, portions, counts, failure };
}

async function find(context: ApiContext, id: string): Promise<RetentionRow> {
  const row = await context.retentions.find(id);
  if (row !== null) return row;
  throw new TuttiError('retention.unknown', `There is no retention ${JSON.stringify(id)}.`);
}

function timeBefore(age: string | undefined): number | null {
  const ageMs = age === undefined ? undefined : parseDuration(age);
  return ageMs === undefined ? null : Date.now() - ageMs;
}

export function retentionRoutes(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.beginRetention,
    handler: async (request, reply) => {
      const { olderThan, logsOlderThan, workflow, archive, apply, reason } = request.body;
      const id = markOf(request)?.id ?? context.newId();
      const scope = {
        endedBefore: timeBefore(olderThan),
        logsBefore: timeBefore(logsOlderThan),
        workflow: workflow ?? null,
        archive: archive ?? null,
        applies: apply,
      };
      await context.door.retentions.request({ id, scope, by: byOf(request, reason) });
      const view = viewOf(await find(context, id));
      return reply.code(202).header('location', `/api/v1/retention/${id}`).send(view);
    },
  });
  app.route({
    ...ROUTES.listRetentions,
    handler: async (request) => {
      const { after, limit } = request.query;
      const { items, next } = await context.retentions.list(after ?? null, limit);
      return { items: items.map(viewOf), next };
    },
  });
  app.route({
    ...ROUTES.cancelRetention,
    handler: async (request) => {
      const { retention } = request.params;
      await find(context, retention);
      await context.retentions.cancel(retention);
      return viewOf(await find(context, retention));
    },
  });
  watching(app, context);
}

function watching(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.getRetention,
    handler: async (request, reply) => {
      const { retention } = request.params;
      const { after, wait } = request.query;
      const first = await find(context, retention);
      if (first.endedAt === null && first.portions <= after) {
        // Another node may be the one that works on it: it announces nothing here.
        await context.polls.wait(reply, wait ?? 0, (signal) =>
          holds(context.logPollMs, signal, async () => {
            const { endedAt, portions } = await find(context, retention);
            return endedAt !== null || portions > after;
          }),
        );
      }
      return viewOf(await find(context, retention));
    },
  });
}
