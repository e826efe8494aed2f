/**
 * Tutti on the paths to systems: real processes through `shell.run`, real requests through
 * `http.request`. Runs of one task each, so many of them at once.
 */
import type { JsonObject } from '../model/json.ts';
import { by, type LocalTutti, openTutti } from '../tests/end-to-end/local-tutti.ts';
import { type Contestant, crowd, type ContestantOptions } from './contestant.ts';

const SHELL = `
workflow: command
tasks:
  run: { action: shell.run, with: { script: 'true' } }
`;
const HTTP = `
workflow: page
inputs: { url: { type: string, required: true } }
tasks:
  get: { action: http.request, with: { url: '\${{ inputs.url }}' } }
`;

/** Events of a run that ends well. The intent and the job of a command are two of its own. */
const SHELL_EVENTS = 5;
const HTTP_EVENTS = 3;
const WARM_RUNS = 200;
const WARM_AT_ONCE = 16;

export async function open({ databaseUrl }: ContestantOptions): Promise<Contestant> {
  const tutti = await openTutti(undefined, databaseUrl);
  await tutti.deploy(SHELL);
  await tutti.deploy(HTTP);
  await warm(tutti);
  return {
    shell: (tasks, atOnce) => crowd(atOnce, tasks, () => run(tutti, 'command', SHELL_EVENTS)),
    http: (tasks, atOnce, url) =>
      crowd(atOnce, tasks, () => run(tutti, 'page', HTTP_EVENTS, { url })),
    close: () => tutti.close(),
  };
}

async function run(
  tutti: LocalTutti,
  workflow: string,
  events: number,
  inputs: JsonObject = {},
): Promise<void> {
  const { door } = tutti.engine;
  const answer = await door.commands.start({ workflow, inputs, by });
  if (answer.refused) throw new Error(answer.message);
  await door.runs.changed(answer.run, events - 2, new AbortController().signal);
}

/** What ends badly is no measure: looked at once, before. */
async function warm(tutti: LocalTutti): Promise<void> {
  const { id, events } = await tutti.run('command');
  if (events.length !== SHELL_EVENTS || events.at(-2)?.type !== 'TaskEnded') {
    throw new Error(`run ${id} of a command has other events than expected`);
  }
  await crowd(WARM_AT_ONCE, WARM_RUNS, () => run(tutti, 'command', SHELL_EVENTS));
}
