/**
 * `/healthz` says that the process lives, `/readyz` that it can work: the database answers and
 * nothing stalls. Neither stands under `/api/v1`: they belong to the process, not to a version.
 */
import { healthSchema } from '../../model/wire.ts';
import type { App, Room } from '../house.ts';

export function healthRoutes(app: App, room: Room): void {
  app.get(
    '/healthz',
    { schema: { tags: ['health'], response: { 200: healthSchema } } },
    async () => ({ status: 'ok' as const, stalls: [], pid: process.pid }),
  );
  app.get(
    '/readyz',
    { schema: { tags: ['health'], response: { 200: healthSchema, 503: healthSchema } } },
    async (_request, reply) => {
      const stalls = [...room.door.stalls(), ...(await databaseStall(room))];
      const status = stalls.length === 0 ? ('ok' as const) : ('stalled' as const);
      return reply.code(status === 'ok' ? 200 : 503).send({ status, stalls, pid: process.pid });
    },
  );
}

async function databaseStall(room: Room): Promise<string[]> {
  try {
    await room.views.ping();
    return [];
  } catch {
    return ['The database does not answer.'];
  }
}
