/**
 * A definition as text, and back in portions: that of 100,000 tasks has ten megabytes and more, which
 * cost too long to read in one go.
 *
 * It is JSON for everybody, with line breaks where it can be taken apart: the lists of tasks and of
 * edges are cut into lines of some hundreds. (JSON writes a line break inside of a text as `\n`.)
 */
import type { Definition } from './definition.ts';
import { bug } from './errors.ts';
import { inOneGo, type Portions } from './portions.ts';

const TASKS_A_LINE = 500;
const EDGES_A_LINE = 5_000;

export function writeDefinition(definition: Definition): string {
  return inOneGo(writingDefinition(definition));
}

/** With places between, where who has others to serve may do so. */
export function* writingDefinition(definition: Definition): Portions<string> {
  const { tasks, edges, ...rest } = definition;
  if (tasks.length <= TASKS_A_LINE && edges.length <= EDGES_A_LINE)
    return JSON.stringify(definition);
  const lines = [`${JSON.stringify(rest).slice(0, -1)},"tasks":[`];
  yield* writingLines(lines, tasks, TASKS_A_LINE);
  lines.push('],"edges":[');
  yield* writingLines(lines, edges, EDGES_A_LINE);
  lines.push(']}');
  return lines.join('\n');
}

function* writingLines(lines: string[], list: readonly object[], size: number): Generator<void> {
  for (let at = 0; at < list.length; at += size) {
    const line = JSON.stringify(list.slice(at, at + size)).slice(1, -1);
    lines.push(at + size < list.length ? `${line},` : line);
    yield;
  }
}

/** With places between, where who has others to serve may do so. */
export function* readingDefinition(text: string): Portions<Definition> {
  const [first = '', ...lines] = text.split('\n');
  if (lines.length === 0) return JSON.parse(text) as Definition;
  const rest = JSON.parse(`${first}]}`) as Definition;
  const tasks: object[] = [];
  const edges: object[] = [];
  let list = tasks;
  for (const line of lines) {
    if (line === ']}') return { ...rest, tasks, edges } as Definition;
    if (line === '],"edges":[') {
      list = edges;
      continue;
    }
    const read = JSON.parse(`[${line.endsWith(',') ? line.slice(0, -1) : line}]`) as object[];
    for (const each of read) list.push(each);
    yield;
  }
  return bug('the text of a definition has an end');
}
