/**
 * Whether a value that a program made can be written as JSON and read back as the same: no
 * functions, no cycles, not too deep, nothing that is no text.
 */
import { NESTING, unwritable } from './json-text.ts';
import type { Issue } from './issue.ts';
import { found } from './issue.ts';

/**
 * The first place that is not JSON; undefined when all is. `gaps`: fields without a value are
 * taken as absent, as they are when it is written.
 */
export function plainJson(value: unknown, gaps = false): Issue | undefined {
  return check(value, 0, [], gaps);
}

function check(
  value: unknown,
  depth: number,
  path: (string | number)[],
  gaps: boolean,
): Issue | undefined {
  switch (typeof value) {
    case 'string':
      return checkText(value, path);
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : refuse(`${value} is not a number of JSON`, path);
    case 'object':
      break;
    case 'undefined':
    case 'bigint':
    case 'function':
    case 'symbol':
      return refuse(`expected a value of JSON, found ${found(value)}`, path);
  }
  if (value === null) return undefined;
  if (depth >= NESTING) return refuse(`is nested deeper than ${NESTING} levels`, path);
  const list = Array.isArray(value);
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined && gaps && !list) continue;
    path.push(list ? Number(key) : key);
    const wrong = list ? undefined : checkText(key, path);
    if (wrong !== undefined) return wrong;
    const issue = check(item, depth + 1, path, gaps);
    if (issue !== undefined) return issue;
    path.pop();
  }
  return undefined;
}

function checkText(text: string, path: readonly (string | number)[]): Issue | undefined {
  const wrong = unwritable(text);
  return wrong === undefined ? undefined : refuse(wrong, path);
}

function refuse(message: string, path: readonly (string | number)[]): Issue {
  return { code: 'field.type', message, path: [...path], at: 'value' };
}
