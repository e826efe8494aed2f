/** The reference is printed, not written: what is in the repository is what would be printed. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { referencePages } from '../docs/pages/index.ts';
import { SchemaWords, schemaOf } from '../docs/pages/schema-table.ts';
import { workflowPage } from '../docs/pages/workflow.ts';
import { ROOT } from './house/source.ts';

const FOLDER = join(ROOT, 'docs/reference');
const pages = await referencePages();

describe('the reference', () => {
  it.each([...pages])('%s is current (else: npm run docs)', (name, text) => {
    expect(readFileSync(join(FOLDER, name), 'utf8')).toBe(text);
  });

  it('has no page that nothing prints', () => {
    expect(readdirSync(FOLDER).toSorted()).toEqual([...pages.keys()].toSorted());
  });
});

describe('schemas in words', () => {
  it('say type, need, default, range and meaning of each field', () => {
    const schema = schemaOf(
      z.strictObject({
        name: z.string().describe('Who | what'),
        kind: z.enum(['a', 'b']).default('a'),
        count: z.int().min(1).optional(),
        tags: z.array(z.string()).optional(),
        env: z.record(z.string(), z.union([z.string(), z.boolean()])).optional(),
      }),
    );
    expect(new SchemaWords(schema).table(schema).slice(2)).toEqual([
      '| `name` | text, required | Who \\| what |',
      '| `kind` | one of `a`, `b` | default `a` |',
      '| `count` | whole number | at least 1 |',
      '| `tags` | list of text |  |',
      '| `env` | map of text or true or false |  |',
    ]);
  });

  it('give a chapter to each object, with its path', () => {
    const retry = z.strictObject({ attempts: z.int() });
    const task = z.strictObject({ retry: z.union([z.int(), retry]) });
    const file = z.strictObject({ tasks: z.record(z.string(), task), lists: z.array(task) });
    const headings = workflowPage(schemaOf(file)).filter((line) => line.startsWith('##'));
    expect(headings).toEqual([
      '## `tasks.NAME`',
      '## `tasks.NAME.retry`',
      '## `lists[]`',
      '## `lists[].retry`',
    ]);
  });

  it('end where a schema holds itself', () => {
    const tree: z.ZodType = z.strictObject({
      get below() {
        return z.array(tree);
      },
      note: z.json(),
    });
    const page = workflowPage(schemaOf(tree)).join('\n');
    expect(page).toContain('| `note` | any value, required |  |');
    expect(page.length).toBeLessThan(2000);
  });
});
