/** Random workflows, as files, drawn by the seed: JSON is YAML. */
import { readWorkflow } from '../../language/read.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Chance } from '../chaos/chance.ts';

/** `db` is each workflow's own; `licence` they share. */
const POOLS = { db: 2 } as const;
export const licence = (slots: number): string => JSON.stringify({ pool: 'licence', slots });
const ACTIONS = [
  'world.look',
  'world.look',
  'world.touch',
  'world.touch',
  'world.work',
  'world.work',
  'world.shout',
];
const ENDS = ['failed', 'done', 'succeeded', 'skipped', 'timed-out'];
const CONDITIONS = ['inputs.flag', '!inputs.flag', 'inputs.n > 3'];

type Task = { [field: string]: unknown };

const NAMES = ['leaf', 'alder', 'birch', 'cedar', 'dogwood'];

/** Names of the workflows that a seed deploys; each may call those before it, mostly the first. */
export function workflows(
  chance: Chance,
): readonly { readonly name: string; readonly source: string }[] {
  return NAMES.map((name, at) => {
    for (;;) {
      const source = JSON.stringify(workflow(name, NAMES.slice(0, at), chance));
      // Some ask for what can never be: a task that waits for an end that its source cannot have.
      if (readWorkflow(source).problems.length === 0) return { name, source };
    }
  });
}

function workflow(name: string, before: readonly string[], chance: Chance): JsonObject {
  const count = name === 'leaf' ? 1 + chance.below(2) : 1 + chance.below(8);
  const tasks: { [name: string]: Task } = {};
  const names = Array.from({ length: count }, (_, at) => `t${at}`);
  const switches = new Set<string>();
  names.forEach((task, at) => {
    // A switch draws the edge to what it leads to by itself.
    const earlier = names.slice(0, at).filter((each) => !switches.has(each));
    const later = names.slice(at + 1);
    const isSwitch = later.length > 0 && chance.happens(0.08);
    if (isSwitch) switches.add(task);
    const work = isSwitch ? branches(later, chance) : body(before, chance);
    tasks[task] = { ...work, ...needs(earlier, chance), ...trimmings(work, isSwitch, chance) };
  });
  return JSON.parse(
    JSON.stringify({
      workflow: name,
      inputs: { flag: { type: 'boolean', default: true }, n: { type: 'integer', default: 5 } },
      pools: POOLS,
      ...(chance.happens(0.1) && { timeout: `${5 + chance.below(30)}s` }),
      tasks,
    }),
  ) as JsonObject;
}

function body(before: readonly string[], chance: Chance): Task {
  const roll = chance.next();
  if (roll < 0.07) return { wait: `${1 + chance.below(20_000)}ms` };
  if (roll < 0.14) return approval(chance);
  if (roll < 0.22 && before.length > 0) return call(before, chance);
  return { action: chance.pick(ACTIONS) };
}

function call(before: readonly string[], chance: Chance): Task {
  const deep = chance.happens(0.5);
  return { workflow: deep ? chance.pick(before) : before[0], inputs: { n: 4 } };
}

function approval(chance: Chance): Task {
  const expires = chance.happens(0.5);
  const ending = chance.pick(['reject', 'approve']);
  return {
    approve: {
      by: ['desk'],
      title: 'Go on?',
      ...(expires && { expires: `${1 + chance.below(15)}s`, 'on-expiry': ending }),
    },
  };
}

function branches(later: readonly string[], chance: Chance): Task {
  const [first, second] = [chance.pick(later), later.at(-1)];
  // oxlint-disable-next-line unicorn/no-thenable -- the word of the workflow file
  const cases: Task[] = [{ when: chance.pick(CONDITIONS), then: [first] }];
  if (second !== undefined && second !== first) cases.push({ else: [second] });
  return { switch: cases };
}

function needs(earlier: readonly string[], chance: Chance): Task {
  if (earlier.length === 0 || chance.happens(0.2)) return {};
  const chosen = new Set([chance.pick(earlier), chance.pick(earlier)]);
  if (chance.happens(0.7)) return { needs: [...chosen], ...join(chance) };
  const ends = [...chosen].map((task) => [task, chance.pick(ENDS)]);
  return { needs: Object.fromEntries(ends), ...join(chance) };
}

function join(chance: Chance): Task {
  return chance.happens(0.15) ? { join: 'any' } : {};
}

function trimmings(work: Task, isSwitch: boolean, chance: Chance): Task {
  const isAction = 'action' in work;
  const isWork = isAction || 'workflow' in work;
  const attempts = 1 + chance.below(4);
  const delay = `${10 + chance.below(3_000)}ms`;
  return {
    ...(!isSwitch && chance.happens(0.08) && { when: chance.pick(CONDITIONS) }),
    ...(isWork && chance.happens(0.5) && { retry: { attempts, delay, 'max-delay': '5s' } }),
    ...(isAction && chance.happens(0.25) && { timeout: `${200 + chance.below(5_000)}ms` }),
    ...(isAction && chance.happens(0.2) && { pool: chance.pick(['db', 'licence']) }),
    ...(isAction &&
      chance.happens(0.06) && { until: { holds: 'output.done', every: '300ms', attempts: 4 } }),
    ...(isWork && chance.happens(0.08) && { each: [1, 2, 3], parallel: 1 + chance.below(3) }),
    ...(isAction && chance.happens(0.05) && { warn: 'output.n > 8' }),
  };
}
