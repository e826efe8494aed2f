/** Whether a value that a program made is JSON: no functions, no cycles, not too deep. */
import type { Issue } from './issue.ts';
import { found } from './issue.ts';
import { NESTING } from './source.ts';

/** The first place that is not JSON; undefined when all is. */
export function plainJson(value: unknown): Issue | undefined {
  return check(value, 0, []);
}

function check(value: unknown, depth: number, path: (string | number)[]): Issue | undefined {
  if (depth > NESTING) return refuse(`is nested deeper than ${NESTING} levels`, path);
  switch (typeof value) {
    case 'string':
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
  for (const [key, item] of Object.entries(value)) {
    path.push(Array.isArray(value) ? Number(key) : key);
    const issue = check(item, depth + 1, path);
    if (issue !== undefined) return issue;
    path.pop();
  }
  return undefined;
}

function refuse(message: string, path: readonly (string | number)[]): Issue {
  return { code: 'field.type', message, path: [...path], at: 'value' };
}
