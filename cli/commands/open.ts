/** `tutti open`: lets a browser in, by a link that works once and soon. */
import type { Command } from 'commander';
import { TuttiError } from '../../model/errors.ts';
import { browserOf, showPage } from '../browser.ts';
import { clientOf } from '../client.ts';
import { findServer, folderOf, patienceOf } from '../connection.ts';
import { alone, EXIT } from '../runtime.ts';
import type { CommonOptions, LocalContext, Runtime } from '../runtime.ts';
import { moment } from '../view/words.ts';
import { declare } from './command.ts';

interface OpenOptions extends CommonOptions {
  readonly browser: boolean;
}

export function openCommand(program: Command, runtime: Runtime): void {
  declare(program, {
    usage: 'open',
    summary: 'Opens Tutti in a browser, or prints the link where there is none.',
    description:
      'The link works once, within five minutes. What is done in that browser is done by the actor given.',
    examples: ['tutti open', 'tutti open --actor ada --no-browser'],
  })
    .option('--actor <name>', 'Who sits at the browser; else the user of the operating system.')
    .option('--no-browser', 'Only prints the link.')
    .action(alone<OpenOptions>(runtime, open));
}

async function open(context: LocalContext<OpenOptions>): Promise<number> {
  const { terminal, options, lifetime } = context;
  const server = await findServer(options, terminal, lifetime);
  const folder = folderOf(options, terminal);
  if (server === null) {
    throw new TuttiError('server.unreachable', `No server serves ${folder.path}.`);
  }
  const actor = options.actor ?? terminal.userName;
  const patience = patienceOf(terminal, lifetime);
  const { path, expiresAt } = await clientOf({ ...server, actor, patience }).makeLink();
  const url = `${server.url.replace(/\/+$/, '')}${path}`;
  const program = browserOf(terminal.environment, process.platform);
  const wanted = options.browser && options.json !== true && terminal.live;
  const shown = wanted && program !== null && (await showPage(program, url, folder.path));
  const hint = `Open it once, before ${moment(expiresAt)} UTC; whoever opens it is ${actor}.`;
  context.print(
    { url, expiresAt },
    shown ? ['Your browser opens. If not:', url, hint] : [url, hint],
  );
  return EXIT.done;
}
