/**
 * The browsable page of the API at `/api/docs`: Swagger UI from the package, so it needs no
 * network. The policy lets it load from this server and speak to this server, nothing else.
 */
import swaggerUi from '@fastify/swagger-ui';
import type { App } from './house.ts';

export const DOCUMENT_PATH = '/api/openapi.json';
export const PAGE_PATH = '/api/docs';

const POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  // React sets styles on elements; no markup comes from outside.
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
  'font-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
};

export async function docsPage(app: App): Promise<void> {
  app.get(DOCUMENT_PATH, { schema: { hide: true } }, async () => app.swagger());
  await app.register(swaggerUi, {
    routePrefix: PAGE_PATH,
    staticCSP: POLICY,
    theme: { title: 'Tutti API' },
    uiConfig: {
      // Else it asks a service on the internet whether the document is valid.
      validatorUrl: null,
      // Without the bar at the top, which is for addresses of other documents.
      layout: 'BaseLayout',
      deepLinking: true,
      docExpansion: 'list',
      defaultModelsExpandDepth: 0,
      displayOperationId: true,
    },
  });
}
