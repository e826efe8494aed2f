/** Completes a fragment of a workflow file to a whole one, by what it holds. */
import { parse, stringify } from 'yaml';
import { z } from 'zod';

const mapSchema = z.record(z.string(), z.unknown());
const KINDS = ['action', 'workflow', 'switch', 'wait', 'approve'];
const TOP = ['tasks', 'pools', 'inputs', 'output', 'title', 'owner', 'timeout'];

export function framed(text: string): string {
  const fragment = mapSchema.parse(parse(text));
  const keys = Object.keys(fragment);
  const task = { action: 'tutti.noop' };
  if (keys.some((key) => KINDS.includes(key))) {
    return stringify({ workflow: 'fragment', tasks: { fragment } });
  }
  if (keys.every((key) => TOP.includes(key))) {
    return stringify({ workflow: 'fragment', tasks: { fragment: task }, ...fragment });
  }
  return stringify({ workflow: 'fragment', tasks: fragment });
}
