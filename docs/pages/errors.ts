/** The page of errors, from the catalogue. */
import { CATALOGUE } from '../../model/errors.ts';
import { cell } from './schema-table.ts';

export function errorsPage(): string[] {
  const rows = Object.entries(CATALOGUE).map(
    ([code, { title, next, retry, status }]) =>
      `| \`${code}\` | ${cell(title)} | ${cell(next)} | ${retry ? 'yes' : 'no'} | ${status} |`,
  );
  return [
    '# Errors',
    '',
    'Every error of Tutti has one of these codes, in the API (as `application/problem+json`), on the command line and in',
    'events. *Again* says whether asking again can help. Connectors add codes of their own, which begin with their name.',
    '',
    '| Code | What is wrong | What happens, or what to do | Again | HTTP |',
    '|---|---|---|---|---|',
    ...rows,
  ];
}
