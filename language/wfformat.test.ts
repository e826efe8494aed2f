import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FOUND, present, readRecording } from '../tests/recordings.ts';
import { readWorkflow } from './read.ts';
import { importWfFormat } from './wfformat.ts';

const fixture: unknown = JSON.parse(
  readFileSync(new URL('fixtures/wfformat-small.json', import.meta.url), 'utf8'),
);

it('gives a workflow that reads', () => {
  const { yaml, tasks, edges } = importWfFormat(fixture, { timeScale: 2 });
  expect({ tasks, edges }).toEqual({ tasks: 4, edges: 4 });
  expect(yaml).toBe(`workflow: "small-diamond"
title: "small-diamond.json"
description: "Four tasks, with ids that need other names"
tasks:
  "split-1-":
    title: "split"
    action: shell.run
    with: { script: "sleep 2.5" }
  "left-1":
    title: "left"
    needs: ["split-1-"]
    action: shell.run
    with: { script: "sleep 4" }
  "left-1-2":
    title: "left"
    needs: ["split-1-"]
    action: tutti.noop
  "merge":
    needs: ["left-1", "left-1-2"]
    action: tutti.noop
`);
  expect(readWorkflow(yaml).problems).toEqual([]);
});

it('does nothing at the scale of zero, and takes a name', () => {
  const { yaml, name } = importWfFormat(fixture, { timeScale: 0, name: 'my run' });
  expect(name).toBe('my-run');
  expect(yaml).not.toContain('shell.run');
});

describe('refuses', () => {
  const tasks = (list: unknown) => ({
    schemaVersion: '1.5',
    workflow: { specification: { tasks: list } },
  });
  it.each<[string, unknown, string]>([
    ['what is no recording', { a: 1 }, 'not a WfFormat'],
    ['nothing', null, 'not a WfFormat'],
    ['another version', { ...tasks([]), schemaVersion: '1.2' }, 'not a WfFormat'],
    ['an edge to nowhere', tasks([{ id: 'a', parents: ['b'] }]), 'names the task "b"'],
    ['two tasks of one id', tasks([{ id: 'a' }, { id: 'a' }]), 'two tasks have the id "a"'],
  ])('%s', (_, json, message) => {
    expect(() => importWfFormat(json, { timeScale: 1 })).toThrow(message);
  });

  it.each([-1, Number.NaN, Infinity])('a time scale of %d', (timeScale) => {
    expect(() => importWfFormat(fixture, { timeScale })).toThrow('time scale');
  });
});

interface Recording {
  readonly workflow: {
    readonly specification: {
      readonly tasks: readonly { readonly id: string; readonly parents: readonly string[] }[];
    };
  };
}

describe(`recordings of WfCommons: ${FOUND}`, () => {
  it('the small one here keeps every edge', () => {
    expect(drawn(fixture)).toEqual({ ...recorded(fixture), tasks: 4, edges: 4 });
  });

  it.each(present)('%s keeps its %d tasks and %d edges', (file, tasks, edges) => {
    const json: unknown = readRecording(file);
    expect(drawn(json)).toEqual({ ...recorded(json), tasks, edges });
  });
});

/** What the imported workflow says. */
function drawn(json: unknown): object {
  const { definition, problems } = readWorkflow(importWfFormat(json, { timeScale: 0.01 }).yaml);
  const name = (position: number) => definition?.tasks[position]?.name;
  const pairs = new Set(definition?.edges.map(({ from, to }) => `${name(from)} → ${name(to)}`));
  return { problems, pairs, tasks: definition?.tasks.length, edges: definition?.edges.length };
}

/** What the recording says, with our names. */
function recorded(json: unknown): object {
  const { names } = importWfFormat(json, { timeScale: 0.01 });
  // The import has checked the form.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { tasks } = (json as Recording).workflow.specification;
  const pairs = tasks.flatMap(({ id, parents }) => {
    return parents.map((parent) => `${names.get(parent)} → ${names.get(id)}`);
  });
  return { problems: [], pairs: new Set(pairs) };
}
