/** Every route of the API, by the name of its operation. A route that is not here does not exist. */
import { ACCESS_ROUTES } from './access.ts';
import { BULK_ROUTES } from './bulk.ts';
import { COMMAND_ROUTES } from './commands.ts';
import { EVENT_ROUTES } from './events.ts';
import { HOUSE_ROUTES } from './house.ts';
import { RETENTION_ROUTES } from './retention.ts';
import { API_PREFIX } from './route.ts';
import type { Route } from './route.ts';
import { RUN_ROUTES } from './runs.ts';
import { WORKFLOW_ROUTES } from './workflows.ts';

export const ROUTES = {
  ...RUN_ROUTES,
  ...EVENT_ROUTES,
  ...COMMAND_ROUTES,
  ...BULK_ROUTES,
  ...RETENTION_ROUTES,
  ...WORKFLOW_ROUTES,
  ...ACCESS_ROUTES,
  ...HOUSE_ROUTES,
} as const;
export type Operation = keyof typeof ROUTES;

export const OPERATIONS: readonly (readonly [Operation, Route])[] = (
  Object.keys(ROUTES) as Operation[]
).map((operation) => [operation, ROUTES[operation]]);

/** From the root, parameters as `:run`. */
export function pathOf(route: Route): string {
  return `${route.outside === true ? '' : API_PREFIX}${route.url}`;
}
