/**
 * What Tutti knows of the run that a script is a task of. Tutti gives every script TUTTI_URL,
 * TUTTI_TOKEN and TUTTI_RUN; the rest is one question to its API.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const ENDS = new Set(['succeeded', 'warned', 'failed', 'timed-out', 'cancelled', 'skipped']);

/** The run with all its tasks, as `tutti show RUN --json` prints it. */
export async function readRun() {
  const { TUTTI_URL, TUTTI_TOKEN, TUTTI_RUN } = process.env;
  if (!TUTTI_URL || !TUTTI_TOKEN || !TUTTI_RUN) {
    throw new Error(
      'TUTTI_URL, TUTTI_TOKEN and TUTTI_RUN are not set: this script is a task of a run',
    );
  }
  const url = new URL(`/api/v1/runs/${encodeURIComponent(TUTTI_RUN)}`, TUTTI_URL);
  // The token of a job: it opens this run and nothing else.
  const response = await fetch(url, { headers: { authorization: `Bearer ${TUTTI_TOKEN}` } });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return await response.json();
}

export function taskOf(run, name) {
  const task = run.taskViews.find((one) => one.task === name);
  if (task === undefined) throw new Error(`run ${run.id} has no task ${name}`);
  return task;
}

/** The tasks that are over, in the order of their ends; those that were skipped come last. */
export function endedTasks(run) {
  const over = run.taskViews.filter((task) => ENDS.has(task.status));
  const ran = over.filter((task) => task.status !== 'skipped');
  const skipped = over.filter((task) => task.status === 'skipped');
  return [...ran.toSorted((a, b) => a.endedAt - b.endedAt), ...skipped];
}

export function instant(ms) {
  return new Date(ms).toISOString();
}

/** Order and the end of the run's id: short, and no two runs share a paper. */
export function paperName(run) {
  return `${run.inputs.orderId}-${run.id.slice(-8)}.json`;
}

/** Gives the task its output; what the script prints stays a log for people. */
export function giveOutput(value) {
  writeFileSync(process.env.TUTTI_OUTPUT, JSON.stringify(value));
}

/** Written aside and renamed: whoever watches the folder sees the whole file or none. */
export function writeWhole(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.draft`;
  writeFileSync(draft, text);
  renameSync(draft, file);
}
