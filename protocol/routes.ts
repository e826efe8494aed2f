/** Every route of the API, by the name of its operation. A route that is not here does not exist. */
import { ACCESS_ROUTES } from './access.ts';
import { BULK_ROUTES } from './bulk.ts';
import { CATALOGUE_ROUTES } from './catalogue.ts';
import { COMMAND_ROUTES } from './commands.ts';
import { EVENT_ROUTES } from './events.ts';
import { HEALTH_ROUTES } from './health.ts';
import { LOG_ROUTES } from './logs.ts';
import { NODE_ROUTES } from './nodes.ts';
import { POOL_ROUTES } from './pools.ts';
import { RETENTION_ROUTES } from './retention.ts';
import { API_PREFIX } from './route.ts';
import type { Route } from './route.ts';
import { RUN_ROUTES } from './runs.ts';
import { TASK_ROUTES } from './tasks.ts';
import { WORKFLOW_ROUTES } from './workflows.ts';

export const ROUTES = {
  ...RUN_ROUTES,
  ...TASK_ROUTES,
  ...EVENT_ROUTES,
  ...LOG_ROUTES,
  ...COMMAND_ROUTES,
  ...BULK_ROUTES,
  ...RETENTION_ROUTES,
  ...WORKFLOW_ROUTES,
  ...POOL_ROUTES,
  ...ACCESS_ROUTES,
  ...CATALOGUE_ROUTES,
  ...NODE_ROUTES,
  ...HEALTH_ROUTES,
} as const;
export type Operation = keyof typeof ROUTES;

export const OPERATIONS: readonly (readonly [Operation, Route])[] = (
  Object.keys(ROUTES) as Operation[]
).map((operation) => [operation, ROUTES[operation]]);

/** From the root, parameters as `:run`. */
export function pathOf(route: Route): string {
  return `${route.outside === true ? '' : API_PREFIX}${route.url}`;
}
