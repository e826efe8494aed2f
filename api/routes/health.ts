/**
 * `/healthz` says that the process lives, `/readyz` that it can work: the database answers and
 * nothing stalls. Neither stands under `/api/v1`: they belong to the process, not to a version.
 */
import { ROUTES } from '../../model/routes/index.ts';
import type { App, Room } from '../house.ts';

export function healthRoutes(app: App, room: Room): void {
  app.route({
    ...ROUTES.checkHealth,
    handler: async () => ({ status: 'ok' as const, stalls: [], pid: process.pid }),
  });
  app.route({
    ...ROUTES.checkReadiness,
    handler: async (_request, reply) => {
      const stalls = [...room.door.stalls(), ...(await databaseStall(room))];
      const status = stalls.length === 0 ? ('ok' as const) : ('stalled' as const);
      return reply.code(status === 'ok' ? 200 : 503).send({ status, stalls, pid: process.pid });
    },
  });
}

async function databaseStall(room: Room): Promise<string[]> {
  try {
    await room.views.ping();
    return [];
  } catch {
    return ['The database does not answer.'];
  }
}
