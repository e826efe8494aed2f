/** The page of the workflow file, from its JSON Schema: one chapter for each object in it. */
import { type Schema, SchemaWords } from './schema-table.ts';

const DEEPEST = 6;

export function workflowPage(schema: Schema): string[] {
  const words = new SchemaWords(schema);
  return [
    '# The workflow file',
    '',
    'Every field that a workflow file may have. [The guide](../guides/writing-workflows.md) says what they are for.',
    '',
    ...words.table(schema),
    ...chapters(words, schema, '', 1),
  ];
}

function chapters(words: SchemaWords, schema: Schema, path: string, depth: number): string[] {
  if (depth > DEEPEST) return [];
  return words
    .nested(schema, path)
    .flatMap(([below, nested]) => [
      '',
      `## \`${below}\``,
      '',
      ...(nested.description === undefined ? [] : [nested.description, '']),
      ...words.table(nested),
      ...chapters(words, nested, below, depth + 1),
    ]);
}
