/** The nodes that share the database: who lives, for how long by its lease, and what it owns. */
import { ROUTES } from '../../protocol/routes.ts';
import type { App } from '../app.ts';
import type { ApiContext } from '../context.ts';

export function nodeRoutes(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.listNodes,
    handler: async () => {
      const nodes = await context.views.nodes();
      const items = nodes.map(({ node, name, url, host, pid, alive, ...rest }) => {
        const { leaseUntil, registeredAt, active, asleep } = rest;
        return { node, name, url, host, pid, alive, leaseUntil, registeredAt, active, asleep };
      });
      return { items, next: null };
    },
  });
}
