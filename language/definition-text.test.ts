/** What is written in lines is JSON, and is read back as it was. */
import { describe, expect, it } from 'vitest';
import type { Definition } from '../model/definition.ts';
import { readingDefinition, writeDefinition } from '../model/definition-text.ts';
import { readWorkflow } from './read.ts';

function workflow(count: number, needs: boolean): Definition {
  const tasks = Array.from({ length: count }, (_, at) => {
    const before = needs && at > 0 ? `, needs: [t${at - 1}]` : '';
    return `  t${at}: { action: tutti.set, with: { values: { text: "a],\\n]}\\nb" } }${before} }`;
  });
  const { definition, problems } = readWorkflow(`workflow: w\ntasks:\n${tasks.join('\n')}\n`);
  expect(problems).toEqual([]);
  return definition as Definition;
}

function read(text: string): { portions: number; definition: Definition } {
  const reading = readingDefinition(text);
  for (let portions = 1; ; portions++) {
    const { done, value } = reading.next();
    if (done === true) return { portions, definition: value };
  }
}

describe('the text of a definition', () => {
  it.each([1, 500, 501, 1_700])('of %i tasks is read back as it was', (count) => {
    for (const needs of [false, true]) {
      const definition = workflow(count, needs);
      const text = writeDefinition(definition);
      expect(JSON.parse(text)).toEqual(definition);
      expect(read(text).definition).toEqual(definition);
    }
  });

  it('of a large one is read in portions', () => {
    expect(read(writeDefinition(workflow(5_000, true))).portions).toBeGreaterThan(10);
  });

  it('that was written by another hand is read, too', () => {
    const definition = workflow(1_000, true);
    expect(read(JSON.stringify(definition)).definition).toEqual(definition);
  });
});
