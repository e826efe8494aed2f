import { expect, it } from 'vitest';
import { workflowJsonSchema } from './workflow.ts';

type Node = Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every field of every map, with the path to it. */
function fields(node: unknown, path: string): readonly (readonly [string, Node])[] {
  if (Array.isArray(node))
    return node.flatMap((item, position) => fields(item, `${path}[${position}]`));
  if (!isNode(node)) return [];
  const own = isNode(node.properties)
    ? Object.entries(node.properties).flatMap(([key, value]) => {
        return isNode(value) ? [[`${path}.${key}`, value] as const] : [];
      })
    : [];
  return [
    ...own,
    ...Object.entries(node).flatMap(([key, value]) => fields(value, `${path}.${key}`)),
  ];
}

it('describes every field', () => {
  const schema = workflowJsonSchema();
  const all = fields(schema, '');
  expect(all.length).toBeGreaterThan(40);
  const silent = all.filter(([, field]) => !('description' in field || '$ref' in field));
  expect(silent.map(([path]) => path)).toEqual([]);
});

it('is plain JSON that allows no unknown fields', () => {
  const schema = workflowJsonSchema();
  expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  expect(schema).toMatchObject({
    type: 'object',
    additionalProperties: false,
    required: ['workflow', 'tasks'],
  });
});
