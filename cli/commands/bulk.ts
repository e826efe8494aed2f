/**
 * One command for many runs: counts first, and does it only when told so. The server notes what the
 * filter finds in one transaction, so it gets hold of a set that moves, too. Who wants to do it to
 * what was counted, and to nothing else, says the number.
 */
import type { BulkBody, BulkView } from '../../protocol/bulk.ts';
import { BULK_VERBS, type BulkVerb } from '../../model/bulk.ts';
import { type CommonOptions, connected, type CommandContext } from '../context.ts';
import { EXIT } from '../runtime.ts';
import { harmless, plural } from '../view/words.ts';

interface BulkOptions extends CommonOptions {
  readonly workflow?: string;
  readonly state?: string[];
  readonly parent?: string;
  readonly businessDate?: string;
  readonly from?: string;
  readonly until?: string;
  readonly all?: true;
  readonly reason?: string;
  readonly yes?: true;
  readonly expect?: number;
}

const WAIT = '20s';
const MOST_REFUSALS = 10;

export const bulk = connected<BulkOptions>((context, [verb]) =>
  ask(context, BULK_VERBS.find((each) => each === verb) ?? 'hold'),
);

async function ask(context: CommandContext<BulkOptions>, verb: BulkVerb): Promise<number> {
  const { client, options } = context;
  const filter = filterOf(options);
  const { reason, expect } = options;
  if (options.yes !== true) {
    const { count, more } = await client.countBulk({ filter });
    if (more === true) return tooMany(context, count);
    const words = `${plural(count, 'run')} would be asked to ${verb}. Add --yes to carry it out.`;
    context.print({ verb, filter, count }, [words]);
    return EXIT.done;
  }
  const body = {
    verb,
    filter,
    ...(expect === undefined ? {} : { expected: expect }),
    ...(reason === undefined ? {} : { reason }),
  };
  return watch(context, await client.beginBulk(body));
}

function tooMany(context: CommandContext<BulkOptions>, count: number): number {
  const words = `More than ${plural(count, 'run')}: too many for one command. Narrow it, e.g. by --state, --workflow or --from.`;
  context.print({ count, more: true }, [words]);
  return EXIT.failed;
}

function filterOf(options: BulkOptions): BulkBody['filter'] {
  const { workflow, state, parent, businessDate, from, until, all } = options;
  return {
    ...(workflow !== undefined && { workflow }),
    ...(state !== undefined && { status: state }),
    ...(parent !== undefined && { parent }),
    ...(businessDate !== undefined && { businessDate }),
    ...(from !== undefined && { from }),
    ...(until !== undefined && { until }),
    ...(all !== undefined && { all }),
  };
}

/** Shows how far it is until it has ended. */
async function watch(context: CommandContext<BulkOptions>, begun: BulkView): Promise<number> {
  const { client, terminal, options, lifetime } = context;
  let view = begun;
  while (view.status === 'running') {
    const tried = view.done + view.refused;
    if (options.json !== true) terminal.err(`${tried} of ${view.total}\n`);
    view = await client.getBulk(
      { bulk: view.id, after: tried, wait: WAIT },
      { signal: lifetime.signal },
    );
  }
  const { done, refused, refusals } = view;
  context.print(view, [
    `${plural(done, 'run')} done, ${refused} refused (bulk command ${view.id}).`,
    ...refusals.slice(0, MOST_REFUSALS).map(({ run, message }) => `  ${run}: ${harmless(message)}`),
    ...(refused > MOST_REFUSALS ? ['  …'] : []),
  ]);
  return refused === 0 && view.status === 'done' ? EXIT.done : EXIT.failed;
}
