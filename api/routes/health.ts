/**
 * `/healthz` says that the process lives, `/readyz` that it can work: the database answers and
 * nothing stalls. Neither stands under `/api/v1`: they belong to the process, not to a version.
 */
import { TuttiError } from '../../model/errors.ts';
import type { Health } from '../../protocol/health.ts';
import { ROUTES } from '../../protocol/routes.ts';
import { callerOf } from '../caller.ts';
import type { App, Room } from '../house.ts';

export function healthRoutes(app: App, room: Room): void {
  app.route({
    ...ROUTES.checkHealth,
    handler: async () => health(room, []),
  });
  app.route({
    ...ROUTES.checkReadiness,
    handler: async (request, reply) => {
      // What is known to be wrong is said at once; a database that is away keeps a question waiting.
      const known = room.door.stalls();
      const { stalls, aside } = known.length > 0 ? { stalls: known } : await readiness(room);
      const words = callerOf(request).kind === 'anyone' ? stalls.map(() => UNTOLD) : stalls;
      const more = aside === undefined ? {} : { aside };
      return reply.code(stalls.length === 0 ? 200 : 503).send({ ...health(room, words), ...more });
    },
  });
}

/** A probe needs no more; the words are for those who run the house. */
const UNTOLD = 'What stalls is told to those who show a token.';

function health({ access }: Room, stalls: readonly string[]): Health {
  const status = stalls.length === 0 ? 'ok' : 'stalled';
  return { status, stalls, pid: process.pid, auth: access.open ? 'none' : 'token' };
}

interface Readiness {
  readonly stalls: readonly string[];
  /** Runs that are set aside keep no other from its work: they are told, and it is ready. */
  readonly aside?: number;
}

async function readiness(room: Room): Promise<Readiness> {
  try {
    const { aside } = await room.views.ping();
    return { stalls: room.door.stalls(), aside };
  } catch (error) {
    const since = room.door.stalls();
    if (since.length > 0) return { stalls: since };
    return {
      stalls: [error instanceof TuttiError ? error.message : 'The database does not answer.'],
    };
  }
}
