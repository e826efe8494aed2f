/**
 * Writes the certificate of completion of the run that it is a task of: which order, which run,
 * and of every task its end, its times and the fingerprint of its output, chained (`chain.js`).
 * `verify.js` tells a genuine certificate from one that was changed.
 */
import { join } from 'node:path';
import { canonical, seal, sha256, textOf } from './chain.js';
import {
  endedTasks,
  giveOutput,
  instant,
  paperName,
  readRun,
  taskOf,
  writeWhole,
} from './history.js';

/** Fields without a value are left out: JSON has no place for them. */
function entryOf(task) {
  return {
    task: task.task,
    ...(task.title !== undefined && { title: task.title }),
    end: task.status,
    ...(task.status !== 'skipped' && { attempts: task.attempt }),
    ...(task.startedAt !== undefined && { startedAt: instant(task.startedAt) }),
    ...(task.endedAt !== undefined && { endedAt: instant(task.endedAt) }),
    ...(task.kind === 'approve' && task.output != null && { decision: task.output }),
    ...(task.output != null && { outputSha256: sha256(canonical(task.output)) }),
  };
}

const run = await readRun();
const order = taskOf(run, 'validate').output.json;
const entries = endedTasks(run).map(entryOf);
const head = {
  certificate: 'Certificate of completion',
  order,
  run: run.id,
  workflow: `${run.workflow} version ${run.version}`,
  startedAt: instant(run.createdAt),
  certifiedAt: instant(Date.now()),
  tasks: entries.length,
};
const certificate = seal(head, entries);
const file = join(process.env.SHARE ?? 'share', 'certificates', paperName(run));
writeWhole(file, textOf(certificate));
console.log(`${file} certifies ${entries.length} tasks; its seal is ${certificate.seal}`);
giveOutput({ file, seal: certificate.seal });
