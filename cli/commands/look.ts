/**
 * Looking: runs, show, why, logs, systems, nodes, pools.
 */
import type { Command } from 'commander';
import { CONNECTORS } from '../../connectors/index.ts';
import type { RunSummary } from '../../model/run.ts';
import type { SystemSummary, WhyTask } from '../../model/wire.ts';
import { findServer, folderOf, patienceOf } from '../connection.ts';
import { followLogs, LogPrinter } from '../log-printer.ts';
import { alone, connected, EXIT } from '../runtime.ts';
import type { CommonOptions, Context, LocalContext, Runtime } from '../runtime.ts';
import { clientOf, resolveRun, wholeRun, wholeWhy } from '../client.ts';
import { secretSource } from '../secrets.ts';
import { findSystemsFile, loadSystems, resolveSystems } from '../systems.ts';
import { nodeTable } from '../view/nodes.ts';
import { asideLines, runDetails, runTable } from '../view/run.ts';
import { harmless, table } from '../view/words.ts';
import { collect, declare, declareConnected } from './command.ts';
import { positiveInteger } from './values.ts';

const PAGE = 500;
const read = () => 'read' as const;

export function lookCommands(program: Command, runtime: Runtime): void {
  runsCommand(program, runtime);
  showCommand(program, runtime);
  whyCommand(program, runtime);
  logsCommand(program, runtime);
  systemsCommand(program, runtime);
  nodesCommand(program, runtime);
  poolsCommand(program, runtime);
}

interface RunsOptions extends CommonOptions {
  readonly state?: readonly string[];
  readonly workflow?: string;
  readonly key?: string;
  readonly limit: number;
}

function runsCommand(program: Command, runtime: Runtime): void {
  declareConnected(program, {
    usage: 'runs',
    summary: 'Lists runs, the newest first.',
    examples: ['tutti runs --state running,held --workflow certificate-of-completion'],
  })
    .option('--state <status>', 'Only runs of this status; commas or repetition add more.', collect)
    .option('--workflow <name>', 'Only runs of this workflow.')
    .option('--key <key>', 'Only runs with this key.')
    .option('--limit <n>', 'At most so many.', positiveInteger, 20)
    .action(
      connected<RunsOptions>(
        runtime,
        async (context) => {
          const runs = await listRuns(context);
          context.print(runs, runTable(runs, context.paint, context.terminal.now()));
          return EXIT.done;
        },
        read,
      ),
    );
}

async function listRuns({ client, options }: Context<RunsOptions>): Promise<RunSummary[]> {
  const runs: RunSummary[] = [];
  let after: string | undefined;
  while (runs.length < options.limit) {
    const page = await client.listRuns({
      status: options.state === undefined ? undefined : [...options.state],
      workflow: options.workflow,
      key: options.key,
      after,
      limit: Math.min(PAGE, options.limit - runs.length),
    });
    runs.push(...page.items);
    if (page.next === null) break;
    after = page.next;
  }
  return runs;
}

function showCommand(program: Command, runtime: Runtime): void {
  declareConnected(program, {
    usage: 'show <run>',
    summary: 'Shows a run with all its tasks, and what the open ones wait for.',
    description: 'The beginning of a run id is enough where it is unique.',
    examples: ['tutti show 0192f0'],
  }).action(
    connected<CommonOptions>(
      runtime,
      async (context, [prefix = '']) => {
        const { client } = context;
        const run = await wholeRun(client, await resolveRun(client, prefix));
        context.print(run, runDetails(run, context.paint, context.terminal.now()));
        return EXIT.done;
      },
      read,
    ),
  );
}

function whyCommand(program: Command, runtime: Runtime): void {
  declareConnected(program, {
    usage: 'why <run> [task]',
    summary: 'Says in words what a run or one of its tasks waits for.',
    examples: ['tutti why 0192f0', 'tutti why 0192f0 post-ledger'],
  }).action(
    connected<CommonOptions>(
      runtime,
      async (context, [prefix = '', task]) => {
        const run = await resolveRun(context.client, prefix);
        await (task === undefined ? whyRun(context, run) : whyTask(context, run, task));
        return EXIT.done;
      },
      read,
    ),
  );
}

function whyLines(tasks: readonly WhyTask[], context: LocalContext<unknown>): string[] {
  return tasks.flatMap((task) => [
    `${harmless(task.task)}  ${context.paint.status(task.status)}`,
    ...task.gates.map((gate) => `    ${harmless(gate.words)}`),
  ]);
}

async function whyRun(context: Context<CommonOptions>, run: string): Promise<void> {
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

async function whyTask(context: Context<CommonOptions>, run: string, task: string): Promise<void> {
  const answer = await context.client.explainTask({ run, task });
  const lines = whyLines([answer], context);
  if (answer.gates.length === 0) lines.push('    It waits for nothing.');
  context.print(answer, lines);
}

interface LogsOptions extends CommonOptions {
  readonly follow?: boolean;
  readonly attempt?: number;
}

function logsCommand(program: Command, runtime: Runtime): void {
  declareConnected(program, {
    usage: 'logs <run> [task]',
    summary: 'Prints the log of a run or of one of its tasks.',
    description: 'With --json every chunk is a line of JSON.',
    examples: ['tutti logs 0192f0 provision --follow'],
  })
    .option('-f, --follow', 'Goes on until the run has ended.')
    .option('--attempt <n>', 'Only this attempt of the task.', positiveInteger)
    .action(
      connected<LogsOptions>(
        runtime,
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
      ),
    );
}

function nodesCommand(program: Command, runtime: Runtime): void {
  declareConnected(program, {
    usage: 'nodes',
    summary: 'Lists the nodes that share the database, and what each works on.',
    examples: ['tutti nodes'],
  }).action(
    connected<CommonOptions>(
      runtime,
      async (context) => {
        const { items } = await context.client.listNodes();
        context.print(items, nodeTable(items, context.paint, context.terminal.now()));
        return EXIT.done;
      },
      read,
    ),
  );
}

function poolsCommand(program: Command, runtime: Runtime): void {
  declareConnected(program, {
    usage: 'pools',
    summary: 'Lists pools, how many slots each has, and how many are held.',
    description: 'A pool without a workflow is shared: it was deployed as a file of its own.',
    examples: ['tutti pools'],
  }).action(
    connected<CommonOptions>(
      runtime,
      async (context) => {
        const { items } = await context.client.listPools();
        const rows = items.map(({ pool, workflow, slots, used, sharedBy }) => [
          harmless(pool),
          harmless(
            workflow ?? (sharedBy.length > 0 ? `shared by ${sharedBy.join(', ')}` : 'shared'),
          ),
          `${used} of ${slots}`,
        ]);
        const none = ['There are no pools.'];
        const lines = rows.length === 0 ? none : table([['pool', 'workflow', 'held'], ...rows]);
        context.print(items, lines);
        return EXIT.done;
      },
      read,
    ),
  );
}

interface SystemsOptions extends CommonOptions {
  readonly systems?: string;
  readonly secrets?: string;
}

function systemsCommand(program: Command, runtime: Runtime): void {
  declare(program, {
    usage: 'systems',
    summary: 'Lists the systems that tasks can use, after checking the systems file.',
    examples: ['tutti systems --systems ./systems.yaml'],
  })
    .option('--systems <file>', 'The systems file; else systems.yaml in the data folder or here.')
    .option('--secrets <dir>', 'The folder of secrets; else secrets in the data folder.')
    .action(
      alone<SystemsOptions>(runtime, async (context) => {
        const systems = await knownSystems(context);
        const lines = table(systems.map(({ name, kind }) => [name, kind]));
        context.print(systems, lines.length === 0 ? ['There are no systems.'] : lines);
        return EXIT.done;
      }),
    );
}

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
  const systems = loadSystems(file);
  if (file !== null) sources.set(file, systems.source);
  const { directory } = resolveSystems(systems, {
    secrets: secretSource(
      options.secrets,
      folder.path,
      terminal.workingDirectory,
      terminal.environment,
    ),
    connectors: CONNECTORS,
    environment: terminal.environment,
    embeddedUrl: (name) => `postgresql://localhost/${name}`,
  });
  return directory.names().map((name) => ({ name, kind: directory.get(name)?.kind ?? '' }));
}
