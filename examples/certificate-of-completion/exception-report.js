/**
 * Writes the exception report of the run that it is a task of: which order was not accepted, by
 * whom, in whose words, and what was done about it.
 */
import { join } from 'node:path';
import {
  endedTasks,
  giveOutput,
  instant,
  paperName,
  readRun,
  taskOf,
  writeWhole,
} from './history.js';

/** The service's own words, where it gave some. */
function messageOf({ message, native }) {
  try {
    return JSON.parse(native.body).error ?? message;
  } catch {
    return message;
  }
}

const run = await readRun();
const order = taskOf(run, 'validate').output.json;
const failed = endedTasks(run).filter((task) => task.failure !== undefined);
const undone = ['withdraw', 'reverse'].map((name) => taskOf(run, name));
const report = {
  report: 'Order not accepted',
  order,
  run: run.id,
  reportedAt: instant(Date.now()),
  because: failed.map((task) => ({
    task: task.task,
    title: task.title,
    end: task.status,
    endedAt: instant(task.endedAt),
    message: messageOf(task.failure),
    failure: task.failure,
  })),
  undone: undone
    .filter((task) => task.status === 'succeeded')
    .map((task) => ({ task: task.task, title: task.title, endedAt: instant(task.endedAt) })),
  next: 'Settle it with the customer, then have the order sent again.',
};
const file = join(process.env.SHARE ?? 'share', 'exceptions', paperName(run));
writeWhole(file, `${JSON.stringify(report, null, 2)}\n`);
const because = report.because.map((one) => one.message).join('; ');
console.log(`${file} explains: ${because}`);
giveOutput({ file, because });
