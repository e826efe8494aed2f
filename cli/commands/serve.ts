/**
 * `tutti serve`: one node that serves a data folder until it is asked to stop.
 *
 * SIGTERM or Ctrl-C once: it takes no new work, brings what is under way to a safe place, leaves.
 * Twice: it leaves at once; what was under way is found again at the next start.
 */
import path from 'node:path';
import type { Redactor } from '../../model/redactor.ts';
import { openNode } from '../node.ts';
import type { RunningNode } from '../node-options.ts';
import { folderOf, type ConnectOptions } from '../connection.ts';
import { askConsent } from '../consent.ts';
import { alone, type CommonOptions } from '../context.ts';
import { type LogFormat, type NodeLog, logger } from '../log-format.ts';
import { EXIT } from '../runtime.ts';
import type { Terminal } from '../terminal.ts';

interface ServeOptions extends CommonOptions, ConnectOptions {
  readonly port: number;
  readonly node?: string;
  readonly lease?: number;
  readonly advertise?: string;
  readonly state?: string;
  readonly auth: 'token' | 'none';
  readonly logLevel: string;
  readonly logFormat: LogFormat;
}

export const serve = alone<ServeOptions>(async (context) => {
  const { terminal, options, lifetime } = context;
  const folder = folderOf(options, terminal);
  await askConsent(options, terminal, folder);
  const logTo = (redactor?: Redactor) =>
    logger({ level: options.logLevel, format: options.logFormat, redactor }, (line) =>
      terminal.err(line),
    );
  // Of what Tutti itself says no word can be a secret.
  const log = logTo();
  warn(terminal, log);
  const node = await openNode({
    folder,
    databaseUrl: options.database ?? (terminal.environment['TUTTI_DATABASE'] || undefined),
    systemsFile: options.systems,
    secretsFolder: options.secrets,
    logLimitBytes: options.logLimit,
    port: options.port,
    reading: false,
    open: options.auth === 'none',
    member: {
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
    logTo,
  });
  if (options.auth === 'none') {
    log.warn(
      '--auth none: anyone who reaches this address may start, read and decide everything, and run programs ' +
        'as you. It is for tests.',
    );
  }
  const database = node.embedded ? 'embedded PostgreSQL' : 'the database given';
  context.print(
    {
      url: node.url,
      node: node.name,
      data: folder.path,
      embedded: node.embedded,
      pid: process.pid,
    },
    [
      `Tutti listens on ${node.url}`,
      `  node         ${node.name}`,
      `  data folder  ${folder.path}`,
      `  database     ${database}`,
      `  API          ${node.url}/api/docs (\`tutti open\` opens it in your browser)`,
      '  Press Ctrl-C to stop it.',
    ],
  );
  return untilTheEnd(log, node, lifetime.signal);
});

function warn(terminal: Terminal, log: NodeLog): void {
  if (terminal.isRoot) {
    log.warn('Running as root: every script of every workflow runs as root, too.');
  }
  if (process.pid === 1) {
    log.warn(
      'Tutti is process 1 here: what jobs leave in the background stays as a zombie when it ends. ' +
        'Run it under an init, for instance with `docker run --init`.',
    );
  }
}

async function untilTheEnd(log: NodeLog, node: RunningNode, signal: AbortSignal): Promise<number> {
  const asked = new Promise<null>((resolve) => {
    signal.addEventListener('abort', () => resolve(null), { once: true });
    if (signal.aborted) resolve(null);
  });
  const reason = await Promise.race([asked, node.fenced]);
  if (reason === null) {
    log.info(
      'Stopping: waiting for running work to reach a safe point. Press Ctrl-C again to exit immediately.',
    );
    await node.stop();
    log.info('Stopped. Open runs resume at the next start.');
    return EXIT.done;
  }
  log.warn(`${reason.replace(/\.?$/, '.')} Other nodes continue its runs. Start it again.`);
  await node.stop().catch(() => undefined);
  return EXIT.fenced;
}
