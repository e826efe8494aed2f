/**
 * `/healthz` says that the process lives, `/readyz` that it can work: the database answers and
 * nothing stalls. Neither stands under `/api/v1`: they belong to the process, not to a version.
 */
import { TuttiError } from '../../model/errors.ts';
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
      // What is known to be wrong is said at once; a database that is away keeps a question waiting.
      const known = room.door.stalls();
      const stalls = known.length > 0 ? known : await databaseStalls(room);
      const status = stalls.length === 0 ? ('ok' as const) : ('stalled' as const);
      return reply.code(status === 'ok' ? 200 : 503).send({ status, stalls, pid: process.pid });
    },
  });
}

async function databaseStalls(room: Room): Promise<readonly string[]> {
  try {
    await room.views.ping();
    return room.door.stalls();
  } catch (error) {
    const since = room.door.stalls();
    if (since.length > 0) return since;
    return [error instanceof TuttiError ? error.message : 'The database does not answer.'];
  }
}
