/**
 * `tutti serve`: one node that serves a data folder until it is asked to stop.
 *
 * SIGTERM or Ctrl-C once: it takes no new work, brings what is under way to a safe place, leaves.
 * Twice: it leaves at once; what was under way is found again at the next start.
 */
import path from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { pino } from 'pino';
import type { Redactor } from '../../model/redactor.ts';
import type { RunningHouse } from '../compose.ts';
import { folderOf } from '../connection.ts';
import { askConsent } from '../consent.ts';
import type { ConnectOptions } from '../connection.ts';
import { alone, EXIT } from '../runtime.ts';
import type { CommonOptions, LocalContext, Runtime } from '../runtime.ts';
import type { Terminal } from '../terminal.ts';
import { ALLOW_ROOT, declare } from './command.ts';
import { lease, logLimit, port, url } from './values.ts';

const DEFAULT_PORT = 7700;
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

interface ServeOptions extends CommonOptions, ConnectOptions {
  readonly port: number;
  readonly node?: string;
  readonly lease?: number;
  readonly advertise?: string;
  readonly state?: string;
  readonly auth: 'token' | 'none';
  readonly logLevel: string;
}

export function serveCommand(program: Command, runtime: Runtime): void {
  declare(program, {
    usage: 'serve',
    summary: 'Serves a data folder: runs what is open and answers on a port of this machine.',
    description: 'It stops gracefully on SIGTERM or Ctrl-C; a second one makes it leave at once.',
    examples: [
      'tutti serve --port 7700 --data /var/lib/tutti',
      'tutti serve --database postgres://db/tutti --node west-1 --lease 10s',
    ],
  })
    .option(
      '--port <n>',
      'The port to listen on, on loopback only; 0 takes a free one.',
      port,
      DEFAULT_PORT,
    )
    .option(
      '--database <url>',
      'PostgreSQL 14 or newer; else TUTTI_DATABASE (better with a password: options are seen in `ps`), else an embedded one.',
    )
    .option('--node <name>', 'The name of this node; else the one that the data folder keeps.')
    .option(
      '--lease <duration>',
      'How long others leave its runs alone when it is gone; 5s unless given.',
      lease,
    )
    .option('--advertise <url>', 'Where the other nodes reach it, when not where it listens.', url)
    .option(
      '--state <dir>',
      'What is kept of running jobs, for nodes of one machine to share; else in the data folder.',
    )
    .option('--allow-root', ALLOW_ROOT)
    .option('--systems <file>', 'The systems file; else systems.yaml in the data folder or here.')
    .option(
      '--secrets <dir>',
      'A file for each secret, of mode 600; else TUTTI_SECRETS, else secrets in the data folder.',
    )
    .option(
      '--log-limit <size>',
      "How much of an attempt's log is kept: its head and its end; 10MB unless given.",
      logLimit,
    )
    .addOption(
      new Option('--auth <how>', 'Who may ask: those with the token; none, for tests, lets anyone.')
        .choices(['token', 'none'])
        .default('token'),
    )
    .addOption(
      new Option('--log-level <level>', 'How much it tells on standard error.')
        .choices(LEVELS)
        .default('info'),
    )
    .action(alone<ServeOptions>(runtime, serve));
}

async function serve(context: LocalContext<ServeOptions>): Promise<number> {
  const { terminal, options, lifetime } = context;
  // Loaded late: the other commands start faster without engine and server.
  const { openHouse } = await import('../compose.ts');
  const folder = folderOf(options, terminal);
  await askConsent(options, terminal, folder);
  warn(terminal);
  const house = await openHouse({
    folder,
    databaseUrl: options.database ?? (terminal.environment['TUTTI_DATABASE'] || undefined),
    systemsFile: options.systems,
    secretsFolder: options.secrets,
    logLimitBytes: options.logLimit,
    port: options.port,
    reading: false,
    open: options.auth === 'none',
    node: {
      name: options.node,
      leaseMs: options.lease,
      advertise: options.advertise,
      stateDirectory:
        options.state === undefined
          ? undefined
          : path.resolve(terminal.workingDirectory, options.state),
    },
    environment: terminal.environment,
    workingDirectory: terminal.workingDirectory,
    logTo: (redactor) => logger(options.logLevel, redactor, (line) => terminal.err(line)),
  });
  if (options.auth === 'none') {
    terminal.err(
      '--auth none: whoever reaches this address may start, read and decide everything, and run programs ' +
        'as you. It is for tests.\n',
    );
  }
  const database = house.embedded ? 'embedded PostgreSQL' : 'the database given';
  context.print(
    {
      url: house.url,
      node: house.node,
      data: folder.path,
      embedded: house.embedded,
      pid: process.pid,
    },
    [
      `Tutti listens on ${house.url}`,
      `  node         ${house.node}`,
      `  data folder  ${folder.path}`,
      `  database     ${database}`,
      '  Ctrl-C stops it.',
    ],
  );
  return untilTheEnd(context, house, lifetime.signal);
}

function warn(terminal: Terminal): void {
  if (terminal.isRoot) {
    terminal.err('Running as root: every script of every workflow runs as root, too.\n');
  }
  if (process.pid === 1) {
    terminal.err(
      'Tutti is process 1 here: what jobs leave in the background stays as a zombie when it ends. ' +
        'Run it under an init, for instance with `docker run --init`.\n',
    );
  }
}

async function untilTheEnd(
  context: LocalContext<ServeOptions>,
  house: RunningHouse,
  signal: AbortSignal,
): Promise<number> {
  const { terminal } = context;
  const asked = new Promise<null>((resolve) => {
    signal.addEventListener('abort', () => resolve(null), { once: true });
    if (signal.aborted) resolve(null);
  });
  const reason = await Promise.race([asked, house.fenced]);
  if (reason === null) {
    terminal.err(
      'Stopping: work that is under way comes to a safe place. Again to leave at once.\n',
    );
    await house.stop();
    terminal.err('Stopped. Open runs go on at the next start.\n');
    return EXIT.done;
  }
  terminal.err(`${reason.replace(/\.?$/, '.')} Its runs go on elsewhere; start it again.\n`);
  await house.stop().catch(() => undefined);
  return EXIT.fenced;
}

/** Every line passes through the redactor as text: no serializer can forget a field. */
export function logger(
  level: string,
  redactor: Redactor | undefined,
  write: (line: string) => void,
) {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, { write: (line: string) => write(redactor?.text(line) ?? line) });
}
