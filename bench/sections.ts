/**
 * npm run sections: the heaviest inputs that the bounds let in, one after another, at the real
 * executable; for each the longest section of the loop's thread, in processor time, with the
 * functions that were on its stack. Above the limit everybody waits for one: it ends with 1.
 * `npm run sections -- TEXT`: only those whose name is this text, or else holds it.
 */
import { connectionUrl } from '../journal/connection-string.ts';
import { Victim } from '../tests/fuzz/victim.ts';

const LIMIT_MS = 200;
const END_LIMIT_MS = 300_000;
const MANY = 100_000;

interface Heavy {
  readonly name: string;
  readonly play: (victim: Victim) => Promise<void>;
}

/** A workflow of so many tasks, each of this kind. */
function many(name: string, task: (at: number) => string): string {
  const tasks = Array.from({ length: MANY }, (_, at) => `  t${at}: ${task(at)}`);
  return `workflow: ${name}\ninputs: { n: { type: number, default: 1 } }\ntasks:\n${tasks.join('\n')}\n`;
}

function large(name: string): string {
  return many(name, () => '{ action: tutti.noop }');
}

function noop(more: string): string {
  return `{ action: tutti.noop${more === '' ? '' : `, ${more}`} }`;
}

function job(name: string, script: string): Heavy {
  const source = `workflow: ${name}\ntasks:\n  job:\n    action: shell.run\n    with: { output: text, script: ${JSON.stringify(script)} }\n`;
  return { name: `a job: ${script}`, play: (victim) => runs(victim, source) };
}

function sql(name: string, action: string, statement: string): Heavy {
  const source = `workflow: ${name}\ntasks:\n  ask:\n    action: sql.${action}\n    system: ledger\n    with: { statement: ${JSON.stringify(statement)} }\n`;
  return { name: `sql.${action}: ${statement}`, play: (victim) => runs(victim, source) };
}

/** Deploys, runs, waits for the end, and looks at it in every way. */
async function runs(victim: Victim, source: string, inputs: object = {}): Promise<void> {
  const run = await begins(victim, source, inputs);
  await ends(victim, run);
  await looks(victim, run);
}

async function begins(victim: Victim, source: string, inputs: object = {}): Promise<string> {
  await victim.deploy(source);
  return victim.start(/^workflow: (\S+)/.exec(source)?.[1] ?? '', inputs);
}

async function ends(victim: Victim, run: string): Promise<void> {
  if ((await victim.ended(run, END_LIMIT_MS)) === 'open') throw new Error(`${run} does not end`);
}

/** Pages are read as clients read them, some of them at least. */
async function looks(victim: Victim, run: string): Promise<void> {
  for (const view of ['', '/logs?limit=500', '/events?limit=5000', '/tasks/t1', '/why'])
    await victim.ask({ method: 'GET', path: `/runs/${run}${view}` });
  let after: string | null = '0';
  for (let pages = 0; after !== null && pages < 20; pages++) {
    const { text } = await victim.ask({ method: 'GET', path: `/runs/${run}/tasks?after=${after}` });
    after = (JSON.parse(text) as { next: string | null }).next;
  }
  await victim.post(`/runs/${run}/restart-preview`, { from: ['t0'] });
}

/** What people do with a large run that goes on, and after its end. */
async function operated(victim: Victim, source: string): Promise<void> {
  const run = await begins(victim, source);
  for (const verb of ['hold', 'release', 'hold']) {
    await victim.post(`/runs/${run}/${verb}`, {});
    await looks(victim, run);
  }
  await victim.post(`/runs/${run}/release`, {});
  await victim.post(`/runs/${run}/cancel`, {});
  await ends(victim, run);
  await victim.post(`/runs/${run}/restart-preview`, {});
  await victim.post(`/runs/${run}/restart`, {});
  await victim.post(`/runs/${run}/cancel`, {});
  await looks(victim, run);
}

async function validate(victim: Victim, source: string): Promise<void> {
  await victim.post('/validate', { source });
}

const HEAVY: readonly Heavy[] = [
  { name: 'validate 2 MB of empty lines', play: (v) => validate(v, '\n'.repeat(2_000_000)) },
  { name: `validate ${MANY} tasks`, play: (v) => validate(v, large('large')) },
  {
    name: 'validate 100,000 unknown keys',
    play: (v) =>
      validate(v, `workflow: w\n${Array.from({ length: MANY }, (_, i) => `k${i}: 1`).join('\n')}`),
  },
  { name: `run ${MANY} tasks`, play: (v) => runs(v, large('large')) },
  {
    name: `run ${MANY} tasks behind one`,
    play: (v) =>
      runs(
        v,
        many('fan', (at) => noop(at === 0 ? '' : 'needs: [t0]')),
      ),
  },
  {
    name: `skip ${MANY} tasks`,
    play: (v) =>
      runs(
        v,
        many('skips', (at) => noop(at === 0 ? 'when: "false"' : `needs: [t${at - 1}]`)),
      ),
  },
  {
    name: `look at ${MANY} conditions`,
    play: (v) =>
      runs(
        v,
        many('conditions', () => noop('when: inputs.n > 1')),
      ),
  },
  {
    name: `wait for ${MANY} times at once`,
    play: (v) =>
      runs(
        v,
        many('waits', () => '{ wait: 10s }'),
      ),
  },
  { name: `operate ${MANY} tasks`, play: (v) => operated(v, large('operated')) },
  {
    name: 'look at 500 outputs of 250 kB',
    play: (v) =>
      runs(
        v,
        `workflow: outputs\ninputs: { text: { type: string } }\ntasks:\n  t0: { each: "range(500)", action: tutti.set, with: { values: { text: "\${{ inputs.text }}" } } }\n`,
        { text: 'x'.repeat(250_000) },
      ),
  },
  {
    name: `run each over ${MANY}`,
    play: (v) =>
      runs(
        v,
        `workflow: each\ntasks:\n  all: { each: "range(${MANY})", action: tutti.noop }\n  sum: { needs: [all], action: tutti.set, with: { values: { n: "\${{ size(tasks.all.output) }}" } } }\n`,
      ),
  },
  {
    name: 'start twenty runs with 900 kB of inputs each',
    play: async (v) => {
      await v.deploy(
        'workflow: inputs\ninputs: { rows: { type: array } }\ntasks:\n  a: { action: tutti.noop }\n',
      );
      const rows = Array.from({ length: 30_000 }, (_, i) => ({ id: i, text: 'x'.repeat(8) }));
      await Promise.all(Array.from({ length: 20 }, () => v.start('inputs', { rows })));
    },
  },
  job('zeros', 'head -c 60000000 /dev/zero'),
  job('random', 'head -c 60000000 /dev/urandom'),
  job('lines', 'yes | head -c 60000000'),
  job('result', 'head -c 260000 /dev/zero | tr "\\\\0" x > "$TUTTI_OUTPUT"'),
  sql('many-rows', 'query', "select repeat('x',100) from generate_series(1,4000000)"),
  sql('large-rows', 'query', "select repeat('x',50000000) from generate_series(1,3)"),
  sql('many-executed', 'execute', "select repeat('x',100) from generate_series(1,4000000)"),
];

async function main(): Promise<void> {
  const only = process.argv[2] ?? '';
  const exact = HEAVY.filter(({ name }) => name === only);
  const chosen = exact.length > 0 ? exact : HEAVY.filter(({ name }) => name.includes(only));
  const victim = await Victim.start((connection) => {
    return `ledger: { kind: sql, url: "${connectionUrl(connection)}" }\n`;
  });
  let above = 0;
  try {
    for (const { name, play } of chosen) {
      victim.forget();
      const begun = performance.now();
      const broke = await play(victim).then(
        () => '',
        (error: unknown) => `  BROKE: ${String(error)}`,
      );
      // The meter has written when others have been served; and what it was given hurt nobody.
      const faults = (await victim.faults()).map((fault) => `  ${fault}`).join('');
      const [longest] = victim.sections;
      const ms = Math.round(longest?.cpuMs ?? 0);
      if (ms > LIMIT_MS || broke !== '' || faults !== '') above += 1;
      const took = `${((performance.now() - begun) / 1_000).toFixed(1)} s`;
      console.log(`${ms === 0 ? '<100' : ms} ms  ${name}  (${took})${broke}${faults}`);
      for (const { cpuMs, stack } of victim.sections)
        console.log(`        ${Math.round(cpuMs)} ms in ${stack.slice(0, 8).join(' < ')}`);
      if (!victim.alive) throw new Error(`the server has ended: ${victim.words}`);
    }
  } finally {
    await victim.close();
  }
  console.log(`${above} of ${chosen.length} above ${LIMIT_MS} ms of processor time`);
  process.exitCode = above === 0 ? 0 : 1;
}

await main();
