/**
 * A whole Tutti for measuring: the house of the end-to-end tests, with one foreign piece, a
 * connector whose only action does nothing and notes when it was called.
 */
import { z } from 'zod';
import { type AnyConnector, defineAction, defineConnector } from '../connectors/kit/index.ts';
import type { Definition, Edge, TaskDefinition } from '../model/definition.ts';
import { by, type House, openHouse } from '../tests/end-to-end/house.ts';

export interface Sink {
  /** Receives the time of each call when set. */
  times: number[] | null;
}

export interface BenchHouse extends House {
  readonly sink: Sink;
}

export async function openBenchHouse(): Promise<BenchHouse> {
  const sink: Sink = { times: null };
  return { ...(await openHouse([benchConnector(sink)])), sink };
}

function benchConnector(sink: Sink): AnyConnector {
  return defineConnector({
    name: 'bench',
    title: 'Bench',
    description: 'Does nothing, and notes when.',
    config: z.object({}),
    concurrency: 1_000_000,
    verified: 'nothing',
    actions: [
      defineAction({
        name: 'bench.step',
        title: 'Step',
        description: 'Does nothing.',
        input: z.object({}),
        output: z.object({ ok: z.boolean() }),
        system: 'none',
        examples: [],
        idempotent: true,
        does: {
          form: 'call',
          call: () => {
            sink.times?.push(performance.now());
            return Promise.resolve({ ok: true });
          },
        },
      }),
    ],
  });
}

/** A workflow of steps, `needs` by position. */
export async function deploy(
  house: BenchHouse,
  name: string,
  needs: readonly (readonly number[])[],
): Promise<void> {
  const tasks: TaskDefinition[] = needs.map((_, i) => ({
    name: `t${i}`,
    join: 'all',
    body: { kind: 'action', action: 'bench.step', with: {} },
  }));
  const edges: Edge[] = needs.flatMap((from, to) =>
    from.map((source) => ({ from: source, to, on: 'succeeded' })),
  );
  const definition: Definition = { name, inputs: {}, tasks, edges, pools: {} };
  await house.journal.deploy({
    workflow: name,
    definition,
    source: name,
    directory: '',
    deployedAt: Date.now(),
    by,
  });
}

/** Starts runs and resolves when all of them have ended, durably. */
export async function runAll(house: BenchHouse, workflow: string, runs: number): Promise<void> {
  await Promise.all(Array.from({ length: runs }, () => start(house, workflow)));
  while (house.engine.gauges().runs > 0) await new Promise((resolve) => setTimeout(resolve, 2));
}

export async function start(house: BenchHouse, workflow: string): Promise<string> {
  const answer = await house.engine.door.start({ workflow, inputs: {}, by });
  if (answer.refused) throw new Error(answer.message);
  return answer.run;
}

/** Starts one run and resolves when it has ended, durably. */
export async function runOne(house: BenchHouse, workflow: string, events: number): Promise<void> {
  const run = await start(house, workflow);
  const never = new AbortController().signal;
  await house.engine.door.changed(run, events - 2, never);
}
