/** The page of errors, from the catalogue. */
import { CATALOGUE } from '../../model/errors.ts';
import { cell } from './schema-table.ts';

export function errorsPage(): string[] {
  const rows = Object.entries(CATALOGUE).map(
    ([code, { title, next, retry, status, exit }]) =>
      `| \`${code}\` | ${cell(title)} | ${cell(next)} | ${retry ? 'yes' : 'no'} | ${status} | ${exit} |`,
  );
  return [
    '# Errors',
    '',
    'Every error of Tutti has one of these codes, in the API (as `application/problem+json`), on the command line and in',
    'events. *Again* says whether asking again can help; *Exit* is the exit status of a command that ends with it. Connectors add',
    'codes of their own, which begin with their name.',
    '',
    '| Code | What is wrong | What happens, or what to do | Again | HTTP | Exit |',
    '|---|---|---|---|---|---|',
    ...rows,
  ];
}
