/** `tutti serve`, as it stands in the help. */
import { type Command, Option } from 'commander';
import type { Runtime } from '../runtime.ts';
import { ALLOW_ROOT, declare, whenCalled } from './command.ts';
import { lease, logLimit, port, url } from './values.ts';

const DEFAULT_PORT = 7700;
const LOG_LEVEL = new Option('--log-level <level>', 'How much is logged on standard error.')
  .choices(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
  .default('info');
const LOG_FORMAT = new Option(
  '--log-format <format>',
  'text: lines for people; json: objects for programs.',
)
  .choices(['text', 'json'])
  .default('text');

export function serveCommand(program: Command, runtime: Runtime): void {
  declare(program, {
    usage: 'serve',
    summary: 'Serves a data folder: runs what is open and answers on a port of this machine.',
    description: 'It stops gracefully on SIGTERM or Ctrl-C; a second one ends it at once.',
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
    .option('--node <name>', 'Name of this node (default: the one in the data folder).')
    .option(
      '--lease <duration>',
      'Time after which other nodes take over the runs of an unresponsive node (default 5s).',
      lease,
    )
    .option(
      '--advertise <url>',
      'Where the other nodes reach this one, if not where it listens.',
      url,
    )
    .option(
      '--state <dir>',
      'Folder for the state of running jobs, which nodes of one machine may share; default: in the data folder.',
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
    .addOption(LOG_LEVEL)
    .addOption(LOG_FORMAT)
    .action(whenCalled(runtime, async () => (await import('../commands/serve.ts')).serve));
}
