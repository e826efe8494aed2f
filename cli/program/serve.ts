/** `tutti serve`, as it stands in the help. */
import { type Command, Option } from 'commander';
import type { Runtime } from '../runtime.ts';
import { ALLOW_ROOT, declare, whenCalled } from './command.ts';
import { lease, logLimit, port, url } from './values.ts';

const DEFAULT_PORT = 7700;
const AUTH = new Option(
  '--auth <how>',
  'Who may call the server: token: callers with the token; none: anyone, for tests only.',
)
  .choices(['token', 'none'])
  .default('token');
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
    description:
      'The server stops gracefully on SIGTERM or Ctrl-C; a second one ends it immediately.',
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
      'PostgreSQL 14 or newer (default: TUTTI_DATABASE, else an embedded one). Put a URL with a password into TUTTI_DATABASE: `ps` shows options.',
    )
    .option('--node <name>', 'Name of this node (default: the one in the data folder).')
    .option(
      '--lease <duration>',
      'Time after which other nodes take over the runs of an unresponsive node (default 5s).',
      lease,
    )
    .option(
      '--advertise <url>',
      'Address at which the other nodes reach this one (default: the address that it listens on).',
      url,
    )
    .option(
      '--state <dir>',
      'Folder for the state of running jobs; nodes of one machine may share it (default: in the data folder).',
    )
    .option('--allow-root', ALLOW_ROOT)
    .option(
      '--systems <file>',
      'The systems file (default: systems.yaml in the data folder or in the working directory).',
    )
    .option(
      '--secrets <dir>',
      'Folder with one file of mode 600 for each secret (default: TUTTI_SECRETS, else `secrets` in the data folder).',
    )
    .option(
      '--log-limit <size>',
      "How much of an attempt's log is kept: its beginning and its end (default: 10MB).",
      logLimit,
    )
    .addOption(AUTH)
    .addOption(LOG_LEVEL)
    .addOption(LOG_FORMAT)
    .action(whenCalled(runtime, async () => (await import('../commands/serve.ts')).serve));
}
