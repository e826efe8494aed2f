/**
 * The process of one contestant: opens it, does what the harness orders, answers. It is started
 * with the module of the contestant and its place, and ends with the harness.
 */
import type { Answer, Contestant, Open, Order, ContestantOptions } from './contestant.ts';

const FAR_MS = 86_400_000;
const WARM_MS = 3_000;
const WARM_CHAINS = 100;
const WARM_FANS = 5;

async function main(): Promise<void> {
  const [, , module = '', place = ''] = process.argv;
  const { open } = (await import(module)) as { open: Open };
  const contestant = await open(JSON.parse(place) as ContestantOptions);
  await warm(contestant);
  process.on('message', (order: Order | 'close') => {
    if (order === 'close') void contestant.close().then(() => process.exit(0));
    else void obey(contestant, order);
  });
  const can = Object.entries(contestant).flatMap(([verb, does]) =>
    typeof does === 'function' ? [verb] : [],
  );
  tell({ said: 'ready', can, servers: contestant.servers ?? {} });
}

/** Alike for all: so long it does what it will be measured by. */
async function warm(contestant: Contestant): Promise<void> {
  if (contestant.chain === undefined) return;
  const begun = performance.now();
  while (performance.now() - begun < WARM_MS) {
    await contestant.chain(WARM_CHAINS);
    await contestant.fan?.(WARM_FANS);
  }
}

async function obey(contestant: Contestant, order: Order): Promise<void> {
  try {
    tell({ said: 'done', values: await perform(contestant, order) });
  } catch (error) {
    tell({ said: 'broke', why: error instanceof Error ? (error.stack ?? '') : String(error) });
  }
}

async function perform(contestant: Contestant, order: Order): Promise<readonly number[]> {
  switch (order.verb) {
    case 'chain':
      await contestant.chain?.(order.runs);
      return [];
    case 'fan':
      await contestant.fan?.(order.runs);
      return [];
    case 'steps':
      return gaps(contestant, order.runs);
    case 'arrive':
      return arrive(contestant, order.perSecond, order.seconds);
    case 'layered':
      await contestant.layered?.(order.tasks, order.runs);
      return [];
    case 'sleep': {
      const due = Date.now() + FAR_MS;
      await contestant.sleep?.(
        order.runs,
        (index) => due + index,
        () => undefined,
      );
      return [];
    }
    case 'wake':
      return wake(contestant, order);
    case 'shell':
      await contestant.shell?.(order.tasks, order.atOnce);
      return [];
    case 'http':
      await contestant.http?.(order.tasks, order.atOnce, order.url);
      return [];
  }
}

/** From the beginning of each task to that of the next: the durable record of the first lies in it. */
async function gaps(contestant: Contestant, runs: number): Promise<number[]> {
  const found: number[] = [];
  for (let run = 0; run < runs; run++) {
    const times = (await contestant.steps?.()) ?? [];
    for (let i = 1; i < times.length; i++) found.push((times[i] ?? 0) - (times[i - 1] ?? 0));
  }
  return found;
}

/**
 * An open loop: runs arrive when they are meant to, whatever has become of those before, and each
 * is timed from that moment. A start that was late because the machine was busy counts as waiting.
 */
async function arrive(
  contestant: Contestant,
  perSecond: number,
  seconds: number,
): Promise<number[]> {
  const count = Math.max(1, Math.round(perSecond * seconds));
  const begun = performance.now();
  const found: Promise<number>[] = [];
  while (found.length < count) {
    const meant = begun + (found.length * 1000) / perSecond;
    const left = meant - performance.now();
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
    else found.push(timed(contestant, meant));
  }
  return Promise.all(found);
}

async function timed(contestant: Contestant, since: number): Promise<number> {
  await contestant.one?.();
  return performance.now() - since;
}

/** Runs that fall due one by one; how late each did its task. */
async function wake(
  contestant: Contestant,
  { runs, leadMs, forMs }: Extract<Order, { verb: 'wake' }>,
): Promise<number[]> {
  const first = Date.now() + leadMs;
  const due = (index: number): number => Math.round(first + (index * forMs) / runs);
  const late: number[] = [];
  await new Promise<void>((resolve, reject) => {
    const woke = (index: number): void => {
      late.push(Date.now() - due(index));
      if (late.length === runs) resolve();
    };
    contestant.sleep?.(runs, due, woke).catch(reject);
  });
  return late;
}

function tell(answer: Answer): void {
  process.send?.(answer);
}

process.on('disconnect', () => process.exit(1));
process.on('unhandledRejection', (error) => tell({ said: 'broke', why: String(error) }));
await main().catch((error: unknown) => {
  tell({ said: 'broke', why: error instanceof Error ? (error.stack ?? '') : String(error) });
});
