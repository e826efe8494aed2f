/**
 * The browsable page of the API at `/api/docs`: Swagger UI from the package, so it needs no
 * network. The policy lets it load from this server and speak to this server, nothing else.
 * Beside it the page of errors, where the `type` of each problem leads, and the way in from `/`.
 */
import swaggerUi from '@fastify/swagger-ui';
import { CATALOGUE } from '../model/errors.ts';
import type { App } from './app.ts';

export const DOCUMENT_PATH = '/api/openapi.json';
export const PAGE_PATH = '/api/docs';
export const ERRORS_PATH = '/docs/errors';

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
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect(PAGE_PATH, 303));
  app.get(ERRORS_PATH, { schema: { hide: true } }, (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
      .send(ERRORS_PAGE),
  );
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

const ERRORS_PAGE = [
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Errors of Tutti</title>',
  '<h1>Errors of Tutti</h1><dl>',
  ...Object.entries(CATALOGUE).map(
    ([code, { title, next, status }]) =>
      `<dt id="${code}"><code>${code}</code> (${status})</dt><dd>${escaped(title)}. ${escaped(next)}</dd>`,
  ),
  '</dl></html>',
].join('\n');

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
