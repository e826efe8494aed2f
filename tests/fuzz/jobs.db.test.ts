import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Chance } from '../chaos/chance.ts';
import { nastyBytes, nastyJson } from './nasty.ts';
import { FUZZ_LIMIT_MS, fuzz } from './session.ts';
import { Victim } from './victim.ts';

/** The script of a job comes as a value: it is the job's business what it does with it. */
const workflow = (output: string): string => `
workflow: job-${output}
inputs: { script: { type: string } }
tasks:
  job:
    action: shell.run
    timeout: 10s
    with: { script: 'eval "$SCRIPT"', env: { SCRIPT: "\${{ inputs.script }}" }, output: ${output} }
`;
const OUTPUTS = ['json', 'text', 'lines'];
/** Beyond the timeout and the time that a system is given to confirm. */
const END_LIMIT_MS = 60_000;

let victim: Victim;
beforeAll(async () => {
  victim = await Victim.start();
  for (const output of OUTPUTS) await victim.deploy(workflow(output));
});
afterAll(() => victim.close());

/** `printf` reads octal. */
function octal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}

/** What a job may leave where its result is looked for. */
function leavings(chance: Chance): string {
  const there = '"$TUTTI_OUTPUT"';
  return chance.pick([
    () => `mkfifo ${there}`,
    () => `mkdir ${there}`,
    () => `ln -s /dev/zero ${there}`,
    () => `ln -s ${there} ${there}`,
    () => `ln -s /etc/passwd ${there}`,
    () => `truncate -s 10G ${there}`,
    () => `head -c ${chance.below(600_000)} /dev/urandom > ${there}`,
    () => `head -c ${chance.below(600_000)} /dev/zero > ${there}`,
    () => `printf '${octal(nastyBytes(chance, 200))}' > ${there}`,
    () => `printf '%s' '${nastyJson(chance).slice(0, 60_000).replaceAll(/['\0]/g, '')}' > ${there}`,
    () => `printf '\\357\\273\\277{"a":1}\\r\\n' > ${there}`,
    () => `echo '{"a":1}' > ${there}; chmod 000 ${there}`,
    () => `yes '{"a":[' | head -c 200000 | tr -d '\\n' > ${there}`,
    () => `d=$(dirname ${there}); for f in "$d"/*; do : > "$f"; done`,
    () => `d=$(dirname ${there}); rm -f "$d"/out "$d"/err; mkfifo "$d"/out "$d"/err`,
    () => `d=$(dirname ${there}); mkdir "$d"/state.2; ln -s /dev/zero "$d"/state.3`,
    () => `rm -rf "$(dirname ${there})"`,
  ])();
}

/** What a job may print. */
function printed(chance: Chance): string {
  const where = chance.pick(['', ' >&2']);
  return chance.pick([
    () => `head -c ${chance.below(3_000_000)} /dev/urandom${where}`,
    () => `head -c ${chance.below(3_000_000)} /dev/zero${where}`,
    () => `printf '${octal(nastyBytes(chance, 2_000))}'${where}`,
    () => `yes | head -c ${chance.below(3_000_000)}${where}`,
    () => `yes '' | head -c ${chance.below(3_000_000)}${where}`,
    () => `head -c ${chance.below(2_000_000)} /dev/zero | tr '\\0' x${where}`,
    () => `printf '\\342\\202'${where}; printf '\\254'${where}; printf '\\360\\237'${where}`,
    () => `printf '\\r%s\\r' a b c${where}; printf '\\033[2J'${where}`,
  ])();
}

async function play(chance: Chance, script: string): Promise<readonly string[]> {
  const run = await victim.start(`job-${chance.pick(OUTPUTS)}`, { script });
  let end = await victim.ended(run, END_LIMIT_MS);
  if (end === 'open') {
    // Nobody can tell how some of them ended: a person must be able to decide.
    await victim.post(`/runs/${run}/tasks/job/force`, { as: 'failed', reason: 'the fuzz is over' });
    end = await victim.ended(run, END_LIMIT_MS);
  }
  if (end === 'open') return [`the run of this job does not end, not by force: ${script}`];
  const log = await victim.ask({ method: 'GET', path: `/runs/${run}/logs?limit=500` });
  return log.status >= 500 ? [`the log of this job: ${log.status} ${log.text}: ${script}`] : [];
}

it(
  'survives whatever a job leaves as its result',
  async () => {
    const found = await fuzz(victim, 'outputs of jobs', async (chance) => {
      const scripts = Array.from({ length: 4 }, () => leavings(chance));
      return (await Promise.all(scripts.map((script) => play(chance, script)))).flat();
    });
    expect(found).toEqual([]);
  },
  FUZZ_LIMIT_MS,
);

it(
  'survives whatever a job prints',
  async () => {
    const found = await fuzz(victim, 'log bytes', async (chance) => {
      const scripts = Array.from({ length: 2 }, () => `${printed(chance)}; ${printed(chance)}`);
      return (await Promise.all(scripts.map((script) => play(chance, script)))).flat();
    });
    expect(found).toEqual([]);
  },
  FUZZ_LIMIT_MS,
);
