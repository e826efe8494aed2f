/**
 * The client of the API as the command line uses it. What is the CLI's own: who asks, finding the
 * server again, and runs that are named by the beginning of their id.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from '../protocol/client/client.ts';
import type { Client } from '../protocol/client/client.ts';
import { TuttiError } from '../model/errors.ts';
import type { RunSummary, RunView } from '../model/run.ts';
import type { WhyAnswer } from '../protocol/tasks.ts';
import { type Patience, patientFetch } from './patience.ts';

export type { Client } from '../protocol/client/client.ts';
export { ApiRefusal, NoAnswer } from '../protocol/client/client.ts';

export interface Server {
  /** `http://127.0.0.1:7700` */
  readonly url: string;
  readonly token?: string | undefined;
  readonly actor: string;
  /** Finds the server again when it is gone: another process may serve the data folder now. */
  readonly reconnect?: (() => Promise<string>) | undefined;
  /** How long it is waited for. */
  readonly patience: Patience;
}

export function clientOf({ url, token, actor, reconnect, patience }: Server): Client {
  return createClient({
    url,
    token,
    actor,
    fetch: patientFetch(patience),
    pause: async (ms, signal) => {
      await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    },
    // Once: a second silence is not the end of a process that another takes the place of.
    ...(reconnect === undefined
      ? {}
      : {
          again: async (attempt: number) =>
            attempt === 1 && !patience.signal.aborted ? reconnect() : null,
        }),
  });
}

/** A run with all its tasks: of a large one the rest is read page by page. */
export async function wholeRun(client: Client, run: string): Promise<RunView> {
  const { next: more, ...view } = await client.getRun({ run });
  const taskViews = [...view.taskViews];
  for (let after = more ?? null; after !== null; ) {
    const page = await client.listTasks({ run, after: Number(after) });
    for (const task of page.items) taskViews.push(task);
    after = page.next;
  }
  return { ...view, taskViews };
}

/** What all the open tasks of a run wait for. */
export async function wholeWhy(client: Client, run: string): Promise<WhyAnswer> {
  const { next: more, ...answer } = await client.explainRun({ run });
  const tasks = [...answer.tasks];
  for (let after = more; after !== undefined; ) {
    const page = await client.explainRun({ run, after: Number(after) });
    for (const task of page.tasks) tasks.push(task);
    after = page.next;
  }
  return { ...answer, tasks };
}

/** The run that a person means by the beginning of its id. */
export async function resolveRun(client: Client, prefix: string): Promise<string> {
  const { items } = await client.listRuns({ id: prefix });
  const exact = items.find((one) => one.id === prefix);
  if (exact !== undefined) return exact.id;
  const [only, another] = items;
  if (only === undefined) {
    throw new TuttiError('run.unknown', `No run begins with ${JSON.stringify(prefix)}.`);
  }
  if (another === undefined) return only.id;
  const list = items.map((one: RunSummary) => `${one.id} (${one.workflow}, ${one.status})`);
  throw new TuttiError(
    'run.ambiguous',
    `More than one run begins with ${JSON.stringify(prefix)}: ${list.join(', ')} …`,
  );
}
