/**
 * A query parameter that a route does not have is refused by name. To leave it out of account would
 * answer another question than the one that was asked: `?version=3` the newest, `?limt=5` all.
 */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { TuttiError } from '../model/errors.ts';
import { didYouMean } from '../model/suggestion.ts';
import { PAGE_PATH } from './docs-page.ts';
import type { App } from './app.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The query parameters that there are. Nothing: what stands there is not ours. */
    query?: readonly string[];
  }
}

/** Stands behind the gate: a stranger learns nothing of it. */
export function knowQueries(app: App): void {
  app.addHook('onRoute', (route) => {
    // The pages of Swagger UI read what they like.
    if (route.url === PAGE_PATH || route.url.startsWith(`${PAGE_PATH}/`)) return;
    const { querystring } = route.schema ?? {};
    const query = querystring instanceof z.ZodObject ? Object.keys(querystring.shape) : [];
    route.config = { ...route.config, query };
  });
  app.addHook('onRequest', async (request) => refuseUnknown(request));
}

function refuseUnknown({ query, routeOptions }: FastifyRequest): void {
  const known = routeOptions.config.query;
  if (known === undefined || typeof query !== 'object' || query === null) return;
  const wrong = Object.keys(query).filter((name) => !known.includes(name));
  if (wrong.length === 0) return;
  const problems = wrong.map((name) => {
    const hint = didYouMean(name, known);
    return {
      code: 'request.invalid' as const,
      path: name,
      message: `there is no query parameter ${JSON.stringify(name)}${hint === undefined ? '' : ` (${hint})`}`,
    };
  });
  const there = known.length === 0 ? 'This route has none.' : `There are: ${known.join(', ')}.`;
  const words = problems.map(({ message }) => message).join(', and ');
  throw new TuttiError('request.invalid', `In the query: ${words}. ${there}`, { problems });
}
