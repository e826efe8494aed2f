/** What the command line asks for. */
import { parseArgs } from 'node:util';
import { WORKLOADS } from './workloads.ts';
import type { Workload } from './workload.ts';

export interface Wishes {
  readonly peers: boolean;
  /** Another checkout of Tutti, built, that is measured in pairs with this one. */
  readonly against: string | undefined;
  readonly rounds: number;
  readonly workloads: readonly Workload[];
  /** A part of every amount: for trying things out. */
  readonly share: number;
}

export const USAGE = `npm run bench -- [options]

  --peers         Tutti beside its peers (npm ci --prefix bench/peers)
  --against DIR   Tutti beside another checkout of it that is built; says the median ratio of the pairs (7 rounds)
  --rounds N      each of them so often, in turn; the table has the medians (1; with --peers 3)
  --only W1,W3    these workloads: ${WORKLOADS.map(({ id }) => id).join(', ')}
  --share X       a part of every amount, 0 < X ≤ 1: to try things out
`;

/** Throws what is to be said to whoever typed it. */
export function wishesOf(argv: readonly string[]): Wishes | 'help' {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      peers: { type: 'boolean', default: false },
      against: { type: 'string' },
      rounds: { type: 'string' },
      only: { type: 'string' },
      share: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { against } = values;
  const rounds = Number(values.rounds ?? (against !== undefined ? 7 : values.peers ? 3 : 1));
  const share = Number(values.share);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds is a number from 1 on');
  if (!(share > 0 && share <= 1)) throw new Error('--share is above 0 and at most 1');
  return { peers: values.peers, against, rounds, share, workloads: chosen(values.only) };
}

function chosen(only: string | undefined): readonly Workload[] {
  if (only === undefined) return WORKLOADS;
  return only.split(',').map((id) => {
    const found = WORKLOADS.find((workload) => workload.id === id.trim().toUpperCase());
    if (found === undefined) throw new Error(`there is no workload "${id}"`);
    return found;
  });
}
