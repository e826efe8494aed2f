/**
 * The end of the experiment: no more kills, no more load. Everything that was left behind is let
 * go on (held runs and tasks released, approvals given, calls that outlived three kills begun anew) and
 * followed to its end. A run that then
 * does not end is lost work, reported with its own words about why it waits.
 */
import { runPageSchema, runViewSchema } from '../../protocol/runs.ts';
import { eventBatchSchema } from '../../protocol/events.ts';
import { RUN_IS_OVER, type RunSummary } from '../../model/run.ts';
import { whySchema } from '../../protocol/tasks.ts';
import { CRASHES } from './attempts.ts';
import { command, type LoadParts } from './load.ts';

const OPEN = 'running,held,cancelling';
/** No event for so long, with nothing held and nobody asked: it is stuck. */
const PATIENCE = '45s';
const AT_ONCE = 8;

/** Ends what is open; the sentences are about runs that do not. */
export async function drain(parts: LoadParts): Promise<string[]> {
  const stuck: string[] = [];
  const open = await allRuns(parts, `&status=${OPEN}`);
  await inParallel(open, async ({ id }) => {
    if (!(await finish(parts, id))) stuck.push(await whyStuck(parts, id));
  });
  return stuck;
}

/** Every run, newest first, by pages. */
export async function allRuns(parts: LoadParts, filter = ''): Promise<RunSummary[]> {
  const all: RunSummary[] = [];
  for (let after = ''; ; ) {
    const page = await parts.connection.read(`/runs?limit=500${filter}${after}`, runPageSchema);
    if (page === null) throw new Error('the list of runs was refused');
    all.push(...page.items);
    if (page.next === null) return all;
    after = `&after=${encodeURIComponent(page.next)}`;
  }
}

export async function inParallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const take = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, take));
}

async function finish(parts: LoadParts, run: string): Promise<boolean> {
  const { connection } = parts;
  const summary = await connection.read(`/runs?id=${run}`, runPageSchema);
  let after = -1;
  for (let status = summary?.items[0]?.status; ; ) {
    if (status !== undefined && RUN_IS_OVER.has(status)) return true;
    // Everything so far is old news; what is wanted is what comes next.
    const seen = await connection.read(
      `/runs/${run}/events?after=${after}&limit=5000`,
      eventBatchSchema,
    );
    after = seen?.next ?? after;
    const moved = await letGo(parts, run);
    const path = `/runs/${run}/events?after=${after}&wait=${PATIENCE}`;
    const batch = await connection.read(path, eventBatchSchema);
    status = batch?.status;
    if (batch?.events.length === 0 && !moved && !(status !== undefined && RUN_IS_OVER.has(status)))
      return false;
  }
}

/** Releases, approves, and begins anew what was called through too many kills; true when there was something to let go. */
async function letGo(parts: LoadParts, run: string): Promise<boolean> {
  const view = await parts.connection.read(`/runs/${run}`, runViewSchema);
  let moved = false;
  if (view?.held !== undefined) moved = (await command(parts, run, 'release', null)) || moved;
  for (const { task, status, failure } of view?.taskViews ?? []) {
    if (status === 'held') moved = (await command(parts, run, 'release', task)) || moved;
    if (status === 'unknown' && failure?.code === CRASHES)
      moved = (await command(parts, run, 'rerun', task)) || moved;
    if (status === 'deciding') moved = (await command(parts, run, 'approve', task)) || moved;
  }
  return moved;
}

async function whyStuck({ connection }: LoadParts, run: string): Promise<string> {
  const why = await connection.read(`/runs/${run}/why`, whySchema);
  const words = why?.tasks.map(
    ({ task, status, gates }) =>
      `${task} is ${status}: ${gates.map((gate) => gate.message).join(', ')}`,
  );
  return `run ${run} does not end (${why?.status}): ${words?.join('; ')}`;
}
