/**
 * Tutti as a contestant: the whole engine with its default settings, and a connector whose actions
 * do nothing.
 */
import { z } from 'zod';
import { loadConnectors } from '../connectors/index.ts';
import { type AnyConnector, defineAction, defineConnector } from '../connectors/kit/index.ts';
import type { Definition, Edge, InputDeclaration, TaskDefinition } from '../model/definition.ts';
import type { JsonObject } from '../model/json.ts';
import { by, type LocalTutti, openTutti } from '../tests/end-to-end/local-tutti.ts';
import { type Contestant, crowd, type ContestantOptions } from './contestant.ts';

const CHAIN_EVENTS = 12;
/** Starts that wait for the journal at once. */
const STARTS_AT_ONCE = 10_000;
const SLEEPERS_AT_ONCE = 1_000;

const step = { kind: 'action', action: 'bench.step', with: {} } as const;
const chain = Array.from({ length: 10 }, (_, i) => (i === 0 ? [] : [i - 1]));
const fan = Array.from({ length: 52 }, (_, i) =>
  i === 0 ? [] : i === 51 ? Array.from({ length: 50 }, (_unused, k) => k + 1) : [0],
);

export async function open({ databaseUrl }: ContestantOptions): Promise<Contestant> {
  const sink: Sink = { times: [], woke: () => undefined };
  const tutti = await openTutti([benchConnector(sink), ...(await loadConnectors())], databaseUrl);
  await deploy(tutti, 'chain', chain.map(plain), edgesOf(chain));
  await deploy(tutti, 'fan', fan.map(plain), edgesOf(fan));
  await deployNap(tutti);
  return {
    chain: (runs) => runAll(tutti, 'chain', runs),
    fan: (runs) => runAll(tutti, 'fan', runs),
    steps: async () => {
      sink.times = [];
      await runOne(tutti);
      return sink.times;
    },
    one: () => runOne(tutti),
    layered: (tasks, runs) => layered(tutti, tasks, runs),
    sleep: async (runs, due, woke) => {
      sink.woke = woke;
      const nap = (index: number) => ({ at: new Date(due(index)).toISOString(), index });
      await crowd(SLEEPERS_AT_ONCE, runs, (index) => start(tutti, 'nap', nap(index)));
    },
    close: () => tutti.close(),
  };
}

interface Sink {
  /** When the tasks of the run began. */
  times: number[];
  woke: (index: number) => void;
}

function benchConnector(sink: Sink): AnyConnector {
  const fields = {
    output: z.object({ ok: z.boolean() }),
    system: 'none',
    examples: [],
    idempotent: true,
  } as const;
  return defineConnector({
    name: 'bench',
    title: 'Bench',
    description: 'Does nothing, and notes when.',
    config: z.object({}),
    concurrency: 1_000_000,
    verified: 'nothing',
    actions: [
      defineAction({
        ...fields,
        name: 'bench.step',
        title: 'Step',
        description: 'Does nothing.',
        input: z.object({}),
        does: { form: 'call', call: () => noted(() => sink.times.push(performance.now())) },
      }),
      defineAction({
        ...fields,
        name: 'bench.wake',
        title: 'Wake',
        description: 'Says that it is awake.',
        input: z.object({ index: z.number() }),
        does: { form: 'call', call: (_, { index }) => noted(() => sink.woke(index)) },
      }),
    ],
  });
}

function noted(note: () => unknown): Promise<{ ok: boolean }> {
  note();
  return Promise.resolve({ ok: true });
}

function plain(_: unknown, position: number): TaskDefinition {
  return { name: `t${position}`, join: 'all', body: step };
}

/** `needs` by position. */
function edgesOf(needs: readonly (readonly number[])[]): Edge[] {
  return needs.flatMap((from, to) => from.map((source) => ({ from: source, to, on: 'succeeded' })));
}

async function deploy(
  tutti: LocalTutti,
  name: string,
  tasks: readonly TaskDefinition[],
  edges: readonly Edge[],
  inputs: Record<string, InputDeclaration> = {},
): Promise<void> {
  const definition: Definition = { name, inputs, tasks, edges, pools: {} };
  const deployedAt = Date.now();
  const version = { workflow: name, definition, source: name, directory: '', deployedAt, by };
  await tutti.journal.deploy(version);
}

async function deployNap(tutti: LocalTutti): Promise<void> {
  const wait = { kind: 'wait', until: '${{ inputs.at }}' } as const;
  const body = {
    kind: 'action',
    action: 'bench.wake',
    with: { index: '${{ inputs.index }}' },
  } as const;
  const tasks: TaskDefinition[] = [
    { name: 'wait', join: 'all', body: wait },
    { name: 'wake', join: 'all', body },
  ];
  await deploy(tutti, 'nap', tasks, edgesOf([[], [0]]), {
    at: { type: 'string', required: true },
    index: { type: 'integer', required: true },
  });
}

const LAYER = 100;

/** Each task after its neighbour above and that one's right. */
async function layered(tutti: LocalTutti, tasks: number, runs: number): Promise<void> {
  const needs = Array.from({ length: tasks }, (_, i) => {
    if (i < LAYER) return [];
    const above = i - LAYER;
    return [above, above - (above % LAYER) + ((above + 1) % LAYER)];
  });
  await deploy(tutti, `layered-${tasks}`, needs.map(plain), edgesOf(needs));
  for (let i = 0; i < runs; i++) await runAll(tutti, `layered-${tasks}`, 1);
}

/** Starts runs and resolves when all of them have ended, durably. */
async function runAll(tutti: LocalTutti, workflow: string, runs: number): Promise<void> {
  await crowd(STARTS_AT_ONCE, runs, () => start(tutti, workflow));
  while (tutti.engine.gauges().runs > 0) await new Promise((resolve) => setTimeout(resolve, 2));
}

async function start(
  tutti: LocalTutti,
  workflow: string,
  inputs: JsonObject = {},
): Promise<string> {
  const answer = await tutti.engine.door.commands.start({ workflow, inputs, by });
  if (answer.refused) throw new Error(answer.message);
  return answer.run;
}

async function runOne(tutti: LocalTutti): Promise<void> {
  const run = await start(tutti, 'chain');
  await tutti.engine.door.runs.changed(run, CHAIN_EVENTS - 2, new AbortController().signal);
}
