/** The page of the API, from the table of routes. */
import { OPERATIONS, pathOf } from '../../protocol/routes.ts';
import { refusalsOf, type Route, TAGS } from '../../protocol/route.ts';
import { cell } from './schema-table.ts';

export function apiPage(): string[] {
  return [
    '# API',
    '',
    'Every route, by its operation, which is also its method in the client. Requests, answers and examples stand in',
    '`/api/openapi.json` of a server, and on its page `/api/docs`. How to use it: [The API](../guides/api.md).',
    ...Object.entries(TAGS).flatMap(([tag, description]) => chapter(tag, description)),
  ];
}

function chapter(tag: string, description: string): string[] {
  const rows = OPERATIONS.filter(([, { schema }]) => schema.tags.some((one) => one === tag));
  return [
    '',
    `## ${tag}`,
    '',
    description,
    '',
    '| Operation | Route | What it does | Asked with | Refuses with |',
    '|---|---|---|---|---|',
    ...rows.map(([operation, route]) => row(operation, route)),
  ];
}

function row(operation: string, route: Route): string {
  const { summary, querystring, body } = route.schema;
  const path = pathOf(route).replaceAll(/:(\w+)/g, '{$1}');
  const asked = [
    ...Object.keys(querystring?.shape ?? {}).map((name) => `\`${name}\``),
    ...(body === undefined ? [] : ['a body']),
  ];
  const everywhere = new Set(refusalsOf({ ...route, refusals: [] }));
  const refusals = refusalsOf(route).filter((code) => !everywhere.has(code));
  const codes = refusals.map((code) => `\`${code}\``).join(' ');
  return `| \`${operation}\` | \`${route.method} ${path}\` | ${cell(summary)} | ${asked.join(' ')} | ${codes} |`;
}
