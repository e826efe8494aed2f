/**
 * A run on a screen: one line for the run, a tree of its tasks, and counts instead of a tree when
 * there are more tasks than a screen is good for.
 */
import type { RunSummary, RunView, TaskStatus, TaskView } from '../../model/run.ts';
import { duration, harmless, moment, oneLine, plural, table } from './words.ts';
import type { Paint } from './words.ts';

/** More tasks than this are counted, not listed. */
const TREE_MAX_TASKS = 40;
const DETAILS_MAX = 10;
const NOTE_MAX_LENGTH = 120;

const ORDER: readonly TaskStatus[] = [
  'failed',
  'timed-out',
  'unknown',
  'deciding',
  'retrying',
  'running',
  'queued',
  'held',
  'waiting',
  'warned',
  'cancelled',
  'skipped',
  'succeeded',
];

function elapsed(from: number | undefined, to: number): string {
  return from === undefined ? '' : duration(to - from);
}

function runLine(run: RunSummary & { title?: string }, paint: Paint, now: number): string {
  const { total, ended, failed } = run.tasks;
  const parts = [
    paint.bold(oneLine(run.workflow)),
    `v${run.version}`,
    run.id,
    paint.status(run.status),
    `${ended}/${total} tasks${failed > 0 ? `, ${failed} failed` : ''}`,
    elapsed(run.createdAt, run.endedAt ?? now),
  ];
  return parts.join('  ');
}

function first(text: string, length: number): string {
  const line = harmless(text.split('\n', 1)[0] ?? '');
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}

/** What is worth saying about a task besides its status. */
function noteOf(task: TaskView): string {
  if (task.failure !== undefined && task.status !== 'succeeded') {
    return first(task.failure.message, NOTE_MAX_LENGTH);
  }
  if (task.forced !== undefined) return first(`by ${byWords(task.forced)}`, NOTE_MAX_LENGTH);
  if (task.skipReason !== undefined) return first(`skipped: ${task.skipReason}`, NOTE_MAX_LENGTH);
  const [gate, ...more] = task.gates;
  if (gate === undefined || gate.kind === 'job') return '';
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
  return first(gate.message, NOTE_MAX_LENGTH) + others;
}

function byWords(by: { actor: string; reason?: string }): string {
  return by.reason === undefined ? by.actor : `${by.actor}: ${by.reason}`;
}

function counters(task: TaskView): string {
  const items = task.items === undefined ? '' : `${task.items.ended}/${task.items.total} items`;
  const attempts = task.attempt > 1 ? `attempt ${task.attempt}` : '';
  return [items, attempts].filter((part) => part !== '').join(', ');
}

function isItem(task: TaskView): boolean {
  return task.task.endsWith(']');
}

/** One line for each task, items below the task that they belong to. */
export function taskTree(run: RunView, paint: Paint, now: number): string[] {
  const tasks = ordered(run.taskViews);
  const rows = tasks.map((task, at) => {
    const next = tasks[at + 1];
    const last = next === undefined;
    const indent = isItem(task) ? (last ? '   └─ ' : '│  ├─ ') : last ? '└─ ' : '├─ ';
    return [
      paint.dim(indent) + oneLine(task.task),
      paint.status(task.status) + (task.forced === undefined ? '' : ' (forced)'),
      elapsed(task.startedAt, task.endedAt ?? now),
      counters(task),
      paint.dim(noteOf(task)),
    ];
  });
  return table(rows);
}

/** The views list items after all tasks; people look for them below theirs. */
function ordered(tasks: readonly TaskView[]): TaskView[] {
  const items = new Map<string, TaskView[]>();
  for (const task of tasks.filter(isItem)) {
    const parent = task.task.slice(0, task.task.lastIndexOf('['));
    const list = items.get(parent);
    if (list === undefined) items.set(parent, [task]);
    else list.push(task);
  }
  return tasks
    .filter((task) => !isItem(task))
    .flatMap((task) => [task, ...(items.get(task.task) ?? [])]);
}

/** Counts by status, then the tasks that a person should look at. */
function taskCounts(run: RunView, paint: Paint): string[] {
  const counts = new Map<TaskStatus, number>();
  for (const { status } of run.taskViews) counts.set(status, (counts.get(status) ?? 0) + 1);
  const line = ORDER.filter((status) => counts.has(status))
    .map((status) => `${paint.sign(status)} ${counts.get(status)} ${status}`)
    .join('   ');
  const bad = run.taskViews.filter(
    (task) => task.status === 'failed' || task.status === 'timed-out' || task.status === 'deciding',
  );
  const details = table(
    bad
      .slice(0, DETAILS_MAX)
      .map((task) => [`  ${harmless(task.task)}`, paint.status(task.status), noteOf(task)]),
  );
  const rest = bad.length - DETAILS_MAX;
  return [`  ${line}`, ...details, ...(rest > 0 ? [`  … and ${rest} more`] : [])];
}

export function runScreen(run: RunView, paint: Paint, now: number): string[] {
  const tasks =
    run.taskViews.length > TREE_MAX_TASKS ? taskCounts(run, paint) : taskTree(run, paint, now);
  const aside = run.aside === undefined ? [] : asideLines(run.id, run.aside);
  const asks = approvals(run).map((line) => paint.bold(line));
  return [runLine(run, paint, now), ...aside, ...tasks, ...asks];
}

/** Why nothing is done with a run, and what to do. */
export function asideLines(run: string, reason: string): string[] {
  return [`  set aside: ${harmless(reason)}`, `  tutti repair ${run} --preview`];
}

/** The exact command for every decision that the run waits for. */
export function approvals(run: RunView): string[] {
  return run.taskViews
    .filter((task) => task.status === 'deciding' && task.kind === 'approve')
    .map((task) => {
      const by = task.gates.find((gate) => gate.kind === 'approval')?.on ?? '';
      return `  For ${by === '' ? 'somebody' : oneLine(by)} to decide: ${decideCommand(run.id, task.task, by)}`;
    });
}

/** `by`: who may decide, separated by commas; the command names the first of them. */
function decideCommand(run: string, task: string, by: string): string {
  const actor = by.split(', ')[0] ?? '';
  const as = actor === '' ? '' : ` --actor ${shellWord(oneLine(actor))}`;
  return `tutti approve ${run} ${shellWord(task)}${as}   (or: tutti reject …)`;
}

function shellWord(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Everything about one run, for `tutti show`. */
export function runDetails(run: RunView, paint: Paint, now: number): string[] {
  const facts: [string, string | undefined][] = [
    ['title', run.title],
    ['key', run.key === undefined ? undefined : oneLine(run.key)],
    ['business date', run.businessDate],
    ['parent', run.parent === undefined ? undefined : `${run.parent.run} ${run.parent.task}`],
    ['started', `${moment(run.createdAt)} UTC by ${byWords(run.by)}`],
    ['ended', run.endedAt === undefined ? undefined : `${moment(run.endedAt)} UTC`],
    ['held', run.held === undefined ? undefined : `by ${byWords(run.held)}`],
    ['inputs', JSON.stringify(run.inputs)],
    ['output', run.output === undefined ? undefined : JSON.stringify(run.output)],
    ['failure', run.failure?.message],
  ];
  const lines = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [[`  ${paint.dim(name)}`, harmless(value)]],
  );
  return [
    runLine(run, paint, now),
    ...table(lines),
    '',
    ...taskTree(run, paint, now),
    ...approvals(run),
  ];
}

export function runTable(runs: readonly RunSummary[], paint: Paint, now: number): string[] {
  if (runs.length === 0) return ['There are no such runs.'];
  const head = ['RUN', 'WORKFLOW', 'STATUS', 'TASKS', 'STARTED (UTC)', 'TOOK', 'KEY'];
  const rows = runs.map((run) => [
    run.id,
    `${harmless(run.workflow)} v${run.version}`,
    paint.status(run.status) + (run.aside === undefined ? '' : ' (set aside)'),
    `${run.tasks.ended}/${run.tasks.total}${run.tasks.failed > 0 ? ` (${run.tasks.failed} failed)` : ''}`,
    moment(run.createdAt),
    elapsed(run.createdAt, run.endedAt ?? now),
    harmless(run.key ?? ''),
  ]);
  return table([head.map((cell) => paint.dim(cell)), ...rows]);
}

export function endSentence(run: RunView): string {
  const took = duration((run.endedAt ?? run.createdAt) - run.createdAt);
  const tasks = plural(run.tasks.total, 'task');
  const message = run.failure === undefined ? '' : `: ${first(run.failure.message, 300)}`;
  return `Run ${run.id} ${run.status} after ${took} (${tasks})${message}`;
}
