/**
 * `/healthz` says that the process lives, `/readyz` that it can work: the database answers, jobs can
 * be started and nothing stalls. Neither stands under `/api/v1`: they belong to the process, not to a version.
 */
import { TuttiError } from '../../model/errors.ts';
import type { Health } from '../../protocol/health.ts';
import { ROUTES } from '../../protocol/routes.ts';
import { callerOf } from '../caller.ts';
import type { App } from '../app.ts';
import type { ApiContext } from '../context.ts';

export function healthRoutes(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.checkHealth,
    handler: async () => health(context, []),
  });
  app.route({
    ...ROUTES.checkReadiness,
    handler: async (request, reply) => {
      // What is known to be wrong is said at once; a database that is away keeps a question waiting.
      const known = context.door.stalls();
      const { stalls, aside } = known.length > 0 ? { stalls: known } : await readiness(context);
      const words = callerOf(request).kind === 'anyone' ? stalls.map(() => UNTOLD) : stalls;
      const more = aside === undefined ? {} : { aside };
      return reply
        .code(stalls.length === 0 ? 200 : 503)
        .send({ ...health(context, words), ...more });
    },
  });
}

/** A probe needs no more; the words are for those who run the node. */
const UNTOLD = 'Send a token to read what stalls this node.';

function health({ access }: ApiContext, stalls: readonly string[]): Health {
  const status = stalls.length === 0 ? 'ok' : 'stalled';
  return { status, stalls, pid: process.pid, auth: access.open ? 'none' : 'token' };
}

interface Readiness {
  readonly stalls: readonly string[];
  /** Runs that are set aside keep no other from its work: they are reported, and the node is ready. */
  readonly aside?: number;
}

async function readiness(context: ApiContext): Promise<Readiness> {
  try {
    const [{ aside }, stalls] = await Promise.all([context.views.ping(), context.stalls()]);
    return { stalls: [...context.door.stalls(), ...stalls], aside };
  } catch (error) {
    const since = context.door.stalls();
    if (since.length > 0) return { stalls: since };
    return {
      stalls: [error instanceof TuttiError ? error.message : 'The database does not answer.'],
    };
  }
}
