/** `tutti open`: lets a browser in, by a link that works once and soon. */
import { TuttiError } from '../../model/errors.ts';
import { browserOf, showPage } from '../browser.ts';
import { clientOf } from '../client.ts';
import { findServer, folderOf, patienceOf } from '../connection.ts';
import { alone, type CommonOptions } from '../context.ts';
import { EXIT } from '../runtime.ts';
import { moment } from '../view/words.ts';

interface OpenOptions extends CommonOptions {
  readonly browser: boolean;
}

export const open = alone<OpenOptions>(async (context) => {
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
});
