/**
 * Tutti on the paths to systems: real processes through `shell.run`, real requests through
 * `http.request`. Runs of one task each, so many of them at once.
 */
import type { JsonObject } from '../model/json.ts';
import { by, type House, openHouse } from '../tests/end-to-end/house.ts';
import { type Contestant, crowd, type Place } from './contestant.ts';

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

export async function open({ databaseUrl }: Place): Promise<Contestant> {
  const house = await openHouse(undefined, databaseUrl);
  await house.deploy(SHELL);
  await house.deploy(HTTP);
  await warm(house);
  return {
    shell: (tasks, atOnce) => crowd(atOnce, tasks, () => run(house, 'command', SHELL_EVENTS)),
    http: (tasks, atOnce, url) =>
      crowd(atOnce, tasks, () => run(house, 'page', HTTP_EVENTS, { url })),
    close: () => house.close(),
  };
}

async function run(
  house: House,
  workflow: string,
  events: number,
  inputs: JsonObject = {},
): Promise<void> {
  const { door } = house.engine;
  const answer = await door.start({ workflow, inputs, by });
  if (answer.refused) throw new Error(answer.message);
  await door.changed(answer.run, events - 2, new AbortController().signal);
}

/** What ends badly is no measure: looked at once, before. */
async function warm(house: House): Promise<void> {
  const { id, events } = await house.run('command');
  if (events.length !== SHELL_EVENTS || events.at(-2)?.type !== 'TaskEnded') {
    throw new Error(`run ${id} of a command has other events than expected`);
  }
  await crowd(WARM_AT_ONCE, WARM_RUNS, () => run(house, 'command', SHELL_EVENTS));
}
