/**
 * Deletes what is over by its age, or counts it first. It works at the server, in portions, and
 * continues there when this command is interrupted.
 */
import { resolve } from 'node:path';
import type { RetentionBody, RetentionView } from '../../protocol/retention.ts';
import { connected, type CommonOptions, type CommandContext } from '../context.ts';
import { EXIT } from '../runtime.ts';
import { harmless, plural } from '../view/words.ts';

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

export const retention = connected<RetentionOptions>(async (context) => {
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
});

/** Shows how far it is until it has ended. */
async function watch(
  context: CommandContext<RetentionOptions>,
  begun: RetentionView,
): Promise<number> {
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
    ...(status === 'done' && !applies ? ['Add --yes to carry it out.'] : []),
    ...(status === 'cancelled' ? ['It was stopped.'] : []),
    ...(failure === null ? [] : [`It failed: ${harmless(failure)}`]),
  ];
}
