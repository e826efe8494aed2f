/**
 * Looking: runs, show, why, logs, systems, nodes, pools.
 */
import { loadConnectors } from '../../connectors/index.ts';
import type { RunSummary } from '../../model/run.ts';
import type { SystemSummary } from '../../protocol/catalogue.ts';
import type { WhyTask } from '../../protocol/tasks.ts';
import { findServer, folderOf, patienceOf } from '../connection.ts';
import { followLogs, LogPrinter } from '../log-printer.ts';
import {
  alone,
  type CommonOptions,
  connected,
  type CommandContext,
  type LocalContext,
} from '../context.ts';
import { EXIT } from '../runtime.ts';
import { clientOf, resolveRun, wholeRun, wholeWhy } from '../client.ts';
import { secretSource } from '../secrets.ts';
import { findSystemsFile, loadSystems, resolveSystems } from '../systems.ts';
import { nodeTable } from '../view/nodes.ts';
import { asideLines, runDetails, runTable } from '../view/run.ts';
import { harmless, table } from '../view/words.ts';

const PAGE = 500;
const read = () => 'read' as const;

interface RunsOptions extends CommonOptions {
  readonly state?: readonly string[];
  readonly workflow?: string;
  readonly key?: string;
  readonly limit: number;
}

export const runs = connected<RunsOptions>(async (context) => {
  const found = await listRuns(context);
  context.print(found, runTable(found, context.paint, context.terminal.now()));
  return EXIT.done;
}, read);

async function listRuns({ client, options }: CommandContext<RunsOptions>): Promise<RunSummary[]> {
  const found: RunSummary[] = [];
  let after: string | undefined;
  while (found.length < options.limit) {
    const page = await client.listRuns({
      status: options.state === undefined ? undefined : [...options.state],
      workflow: options.workflow,
      key: options.key,
      after,
      limit: Math.min(PAGE, options.limit - found.length),
    });
    found.push(...page.items);
    if (page.next === null) break;
    after = page.next;
  }
  return found;
}

export const show = connected<CommonOptions>(async (context, [prefix = '']) => {
  const { client } = context;
  const run = await wholeRun(client, await resolveRun(client, prefix));
  context.print(run, runDetails(run, context.paint, context.terminal.now()));
  return EXIT.done;
}, read);

export const why = connected<CommonOptions>(async (context, [prefix = '', task]) => {
  const run = await resolveRun(context.client, prefix);
  await (task === undefined ? whyRun(context, run) : whyTask(context, run, task));
  return EXIT.done;
}, read);

function whyLines(tasks: readonly WhyTask[], context: LocalContext<unknown>): string[] {
  return tasks.flatMap((task) => [
    `${harmless(task.task)}  ${context.paint.status(task.status)}`,
    ...task.gates.map((gate) => `    ${harmless(gate.message)}`),
  ]);
}

async function whyRun(context: CommandContext<CommonOptions>, run: string): Promise<void> {
  const answer = await wholeWhy(context.client, run);
  const { aside } = answer;
  const lines =
    aside !== undefined
      ? asideLines(run, aside)
      : answer.tasks.length === 0
        ? [`Nothing waits: run ${run} is ${answer.status}.`]
        : whyLines(answer.tasks, context);
  context.print(answer, lines);
}

async function whyTask(
  context: CommandContext<CommonOptions>,
  run: string,
  task: string,
): Promise<void> {
  const answer = await context.client.explainTask({ run, task });
  const lines = whyLines([answer], context);
  if (answer.gates.length === 0) lines.push('    It is not waiting for anything.');
  context.print(answer, lines);
}

interface LogsOptions extends CommonOptions {
  readonly follow?: boolean;
  readonly attempt?: number;
}

export const logs = connected<LogsOptions>(
  async (context, [prefix = '', task]) => {
    const { client, terminal, options } = context;
    const run = await resolveRun(client, prefix);
    const printer = new LogPrinter(terminal, context.paint, {
      json: options.json === true,
      named: task === undefined,
    });
    await followLogs(client, run, printer, {
      task,
      attempt: options.attempt,
      follow: options.follow === true,
      signal: context.lifetime.signal,
    });
    return EXIT.done;
  },
  (options) => (options.follow === true ? 'act' : 'read'),
);

export const nodes = connected<CommonOptions>(async (context) => {
  const { items } = await context.client.listNodes();
  context.print(items, nodeTable(items, context.paint, context.terminal.now()));
  return EXIT.done;
}, read);

export const pools = connected<CommonOptions>(async (context) => {
  const { items } = await context.client.listPools();
  const rows = items.map(({ pool, workflow, slots, used, sharedBy }) => [
    harmless(pool),
    harmless(workflow ?? (sharedBy.length > 0 ? `shared by ${sharedBy.join(', ')}` : 'shared')),
    `${used} of ${slots}`,
  ]);
  const none = ['There are no pools.'];
  const lines = rows.length === 0 ? none : table([['pool', 'workflow', 'held'], ...rows]);
  context.print(items, lines);
  return EXIT.done;
}, read);

interface SystemsOptions extends CommonOptions {
  readonly systems?: string;
  readonly secrets?: string;
}

export const systems = alone<SystemsOptions>(async (context) => {
  const known = await knownSystems(context);
  const lines = table(known.map(({ name, kind }) => [name, kind]));
  context.print(known, lines.length === 0 ? ['There are no systems.'] : lines);
  return EXIT.done;
});

/** Those of the server that is there; else those of the file that one would read. */
async function knownSystems(
  context: LocalContext<SystemsOptions>,
): Promise<readonly SystemSummary[]> {
  const { terminal, options, sources, lifetime } = context;
  const folder = folderOf(options, terminal);
  const server =
    options.systems === undefined ? await findServer(options, terminal, lifetime) : null;
  if (server !== null) {
    const patience = patienceOf(terminal, lifetime);
    const client = clientOf({ ...server, actor: terminal.userName, patience });
    return (await client.listSystems()).items;
  }
  const file = findSystemsFile(options.systems, folder.path, terminal.workingDirectory);
  const written = loadSystems(file);
  if (file !== null) sources.set(file, written.source);
  const { directory } = resolveSystems(written, {
    secrets: secretSource(
      options.secrets,
      folder.path,
      terminal.workingDirectory,
      terminal.environment,
    ),
    connectors: await loadConnectors(),
    environment: terminal.environment,
    embeddedUrl: (name) => `postgresql://localhost/${name}`,
  });
  return directory.names().map((name) => ({ name, kind: directory.get(name)?.kind ?? '' }));
}
