/**
 * Array parameters as PostgreSQL array literals, built by hand: one string per column is the
 * cheapest way to hand over thousands of rows.
 */

/** Numbers, or times in milliseconds (`to_timestamp` divides); null and ±Infinity are kept. */
export function numbers<T>(rows: readonly T[], pick: (row: T) => number | null): string {
  let text = '{';
  for (const row of rows) {
    if (text.length > 1) text += ',';
    const value = pick(row);
    text += value === null ? 'NULL' : value;
  }
  return `${text}}`;
}

const SPECIAL = /["\\]/;
const SPECIALS = /["\\]/g;

/** Text, UUIDs, dates or JSON: always quoted, so that nothing inside has a meaning. */
export function texts<T>(rows: readonly T[], pick: (row: T) => string | null): string {
  let text = '{';
  for (const row of rows) {
    if (text.length > 1) text += ',';
    const value = pick(row);
    if (value === null) text += 'NULL';
    else text += `"${SPECIAL.test(value) ? value.replace(SPECIALS, '\\$&') : value}"`;
  }
  return `${text}}`;
}
