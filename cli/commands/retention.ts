/**
 * Deletes what is over by its age, or counts it first. It works at the server, in portions, and
 * goes on there when this command is interrupted.
 */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { RetentionBody, RetentionView } from '../../protocol/retention.ts';
import { connected, EXIT } from '../runtime.ts';
import type { CommonOptions, Context, Runtime } from '../runtime.ts';
import { harmless, plural } from '../view/words.ts';
import { declareConnected, withReason } from './command.ts';

interface RetentionOptions extends CommonOptions {
  readonly olderThan?: string;
  readonly logsOlderThan?: string;
  readonly workflow?: string;
  readonly archive?: string;
  readonly reason?: string;
  readonly yes?: true;
  readonly stop?: string;
}

const WAIT = '2s';

export function retentionCommand(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'retention',
    summary: 'Deletes runs that are over, with their events and logs, by their age.',
    description:
      'Without --yes it only counts them. A run stays while one of its family (parents, children) is open or younger.',
    examples: [
      'tutti retention --older-than 90d --logs-older-than 7d',
      'tutti retention --older-than 90d --archive /var/archive/tutti --yes',
    ],
  });
  command
    .option('--older-than <age>', 'Runs that ended so long ago, e.g. 90d.')
    .option('--logs-older-than <age>', 'Only the logs of runs that ended so long ago.')
    .option('--workflow <name>', 'Only runs of this workflow, and their children.')
    .option(
      '--archive <dir>',
      'A folder of the server: all is written there before, as JSON lines.',
    )
    .option('--yes', 'Deletes.')
    .option('--stop <id>', 'Stops one that is under way; what is deleted stays deleted.');
  withReason(command).action(connected<RetentionOptions>(runtime, (context) => retention(context)));
}

async function retention(context: Context<RetentionOptions>): Promise<number> {
  const { client, options } = context;
  const { olderThan, logsOlderThan, workflow, archive, reason, yes, stop } = options;
  if (stop !== undefined) {
    const view = await client.cancelRetention({ retention: stop });
    context.print(view, lines(view));
    return EXIT.done;
  }
  const body: RetentionBody = {
    ...(olderThan !== undefined && { olderThan }),
    ...(logsOlderThan !== undefined && { logsOlderThan }),
    ...(workflow !== undefined && { workflow }),
    ...(archive !== undefined && { archive: resolve(archive) }),
    ...(reason !== undefined && { reason }),
    apply: yes === true,
  };
  return watch(context, await client.beginRetention(body));
}

/** Shows how far it is until it has ended. */
async function watch(context: Context<RetentionOptions>, begun: RetentionView): Promise<number> {
  const { client, terminal, options, lifetime } = context;
  let view = begun;
  if (options.json !== true)
    terminal.err(`Retention ${view.id}; \`tutti retention --stop ${view.id}\` stops it.\n`);
  while (view.status === 'running') {
    if (options.json !== true) terminal.err(`${words(view)} so far\n`);
    view = await client.getRetention(
      { retention: view.id, after: view.portions, wait: WAIT },
      { signal: lifetime.signal },
    );
  }
  context.print(view, lines(view));
  return view.status === 'done' ? EXIT.done : EXIT.failed;
}

function words({ counts }: RetentionView): string {
  const { runs, events, logs, bulks, feed } = counts;
  return (
    `${plural(runs, 'run')}, ${plural(events, 'event')}, ${plural(logs, 'piece')} of logs, ` +
    `${plural(bulks, 'bulk command')}, ${plural(feed, 'row')} of the feed`
  );
}

function lines(view: RetentionView): string[] {
  const { status, applies, counts, failure } = view;
  const done = applies ? 'deleted' : 'would be deleted';
  const kept =
    counts.kept === 0
      ? []
      : [`${plural(counts.kept, 'run')} stay: open, or one of the family is open or younger.`];
  return [
    `${words(view)} ${done}.`,
    ...kept,
    ...(status === 'done' && !applies ? ['Do it with --yes.'] : []),
    ...(status === 'cancelled' ? ['It was stopped.'] : []),
    ...(failure === null ? [] : [`It failed: ${harmless(failure)}`]),
  ];
}
