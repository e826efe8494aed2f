/** `/metrics`: the text that Prometheus scrapes. Like the health pages it belongs to the process. */
import type { App } from '../app.ts';
import type { ApiContext } from '../context.ts';

export function metricsRoute(app: App, { metrics }: ApiContext): void {
  if (metrics === undefined) return;
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    const { contentType, text } = await metrics.expose();
    return reply.header('content-type', contentType).send(text);
  });
}
