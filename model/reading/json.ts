/**
 * The short way for files that are JSON: the host's parser is some fifty times faster than the
 * YAML parser, and generated workflows are large. It knows no places and hides duplicate keys, so
 * it answers only when there is nothing to complain about; else the long way reads the file again.
 */
import type { Json } from '../json.ts';
import { isRecord } from './issue.ts';
import { plainJson } from './plain.ts';

const STRING = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

/** Undefined when the text is not JSON, or says something twice. */
export function readJson(text: string): Json | undefined {
  if (!/^\s*\{/.test(text.slice(0, 1_000))) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (plainJson(value) !== undefined) return undefined;
  let written = 0;
  for (const [, colon] of text.matchAll(STRING)) if (colon !== undefined) written += 1;
  const { keys, exact } = countKeys(value);
  if (keys !== written || !exact) return undefined;
  // What JSON.parse gives is JSON.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return value as Json;
}

function countKeys(value: unknown): { readonly keys: number; readonly exact: boolean } {
  let keys = 0;
  let exact = true;
  const visit = (item: unknown): void => {
    if (typeof item === 'number' && Number.isInteger(item) && !Number.isSafeInteger(item))
      exact = false;
    else if (Array.isArray(item)) item.forEach(visit);
    else if (isRecord(item)) {
      for (const inner of Object.values(item)) {
        keys += 1;
        visit(inner);
      }
    }
  };
  visit(value);
  return { keys, exact };
}
