/** Random workflows for properties; what is done to their runs is `move.fixture.ts`. */
import fc from 'fast-check';
import { type Definition, EDGE_ENDS, type EdgeEnd } from '../../model/definition.ts';
import { define, type DefinitionSpec, type TaskSpec } from './definition.fixture.ts';

export const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'constructor', 'l'];
/** Two hold, two do not, one cannot be evaluated; the last asks how `a` ended. */
const CONDITIONS = [
  'inputs.flag',
  'inputs.n > 3',
  '!inputs.flag',
  'inputs.n > 30',
  'inputs.absent.deep == 1',
];
export const INPUTS = { flag: true, n: 7, list: ['x', 'y', 'z'], notList: 3 } as const;

const end: fc.Arbitrary<EdgeEnd> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<EdgeEnd>('succeeded') },
  { weight: 3, arbitrary: fc.constantFrom(...EDGE_ENDS.filter((on) => on !== 'branch')) },
);

type Work = Omit<TaskSpec, 'needs' | 'switch'>;
const work: fc.Arbitrary<Work> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Work>({}) },
  { weight: 1, arbitrary: fc.constant<Work>({ workflow: 'child' }) },
  { weight: 1, arbitrary: fc.constantFrom<Work>({ wait: 0 }, { wait: 3_000 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Work>({ wait: '${{ inputs.n }}' }, { wait: '2026-03-01T00:01:00Z' }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Work>(
      { approve: {} },
      { approve: { expiresMs: 4_000, onExpiry: 'approve' } },
      { approve: { expiresMs: 2_000 } },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constant<Work>({
      until: { holds: 'output.done', everyMs: 1_000, attempts: 3 },
    }),
  },
);

const lists = fc.constantFrom<Work>(
  {},
  {},
  {},
  { each: 'inputs.list', parallel: 1 },
  { each: [1, 2, 3, 4], parallel: 2 },
  { each: [] },
  { each: 'inputs.notList' },
);

const trimmings = fc.record(
  {
    join: fc.constant<'any'>('any'),
    when: fc.constantFrom(...CONDITIONS),
    warn: fc.constantFrom('output.warn', 'output.absent.deep'),
    retry: fc.record({
      attempts: fc.integer({ min: 1, max: 3 }),
      jitter: fc.constantFrom(0, 0.5),
      on: fc.constantFrom(['transient', 'failed', 'timeout'] as const, ['transient'] as const),
    }),
    timeoutMs: fc.constantFrom(1_500, 6_000),
  },
  { requiredKeys: [] },
);

interface Draft {
  readonly work: Work;
  readonly each: Work;
  readonly trimmings: Work;
  readonly needs: readonly (readonly [number, EdgeEnd])[];
  readonly isSwitch: boolean;
  readonly cases: readonly string[];
}

const draft: fc.Arbitrary<Draft> = fc.record({
  work,
  each: lists,
  trimmings,
  needs: fc.array(fc.tuple(fc.nat(20), end), { maxLength: 3 }),
  isSwitch: fc.nat(5).map((roll) => roll === 0),
  cases: fc.array(fc.constantFrom(...CONDITIONS, 'else'), { minLength: 1, maxLength: 3 }),
});

/** Edges go from earlier tasks to later ones, so there is no cycle. */
function lay(drafts: readonly Draft[], names: readonly string[], spec: DefinitionSpec): Definition {
  const tasks = drafts.map((each, index): [string, TaskSpec] => {
    const needs = each.needs
      .filter(() => index > 0)
      .map(([from, on]): [string, EdgeEnd] => [names[from % index] ?? '', on]);
    const needed = needs.length > 0 && { needs: Object.fromEntries(needs) };
    const { join, when } = each.trimmings;
    if (!each.isSwitch) {
      const rest = { ...each.work, ...each.each, ...each.trimmings };
      return [names[index] ?? '', { ...rest, ...needed }];
    }
    const cases = each.cases.map((condition, branch) => {
      const target = names.slice(0, drafts.length)[index + 1 + branch];
      return target === undefined ? [condition] : [condition, target];
    });
    return [
      names[index] ?? '',
      { switch: cases, ...(join && { join }), ...(when && { when }), ...needed },
    ];
  });
  return define(Object.fromEntries(tasks), spec);
}

const limits: fc.Arbitrary<DefinitionSpec> = fc.record(
  { timeoutMs: fc.constantFrom(9_000, 60_000), outputs: fc.constant({ n: '${{ inputs.n }}' }) },
  { requiredKeys: [] },
);

export const definition: fc.Arbitrary<Definition> = fc
  .tuple(fc.array(draft, { minLength: 1, maxLength: 12, size: 'max' }), limits)
  .map(([drafts, spec]) => lay(drafts, NAMES, spec));

/** Three versions: the second is anything with names from the same list, the third too, shuffled. */
export const versions: fc.Arbitrary<Definition[]> = fc
  .tuple(definition, definition, definition, fc.nat(11))
  .map(([one, two, three, turn]) => [one, two, renamed(three, turn)]);

/** Its tasks under the names of others. */
function renamed(definition_: Definition, turn: number): Definition {
  const tasks = definition_.tasks.map((task, index) => ({
    ...task,
    name: NAMES[(index + turn) % NAMES.length] ?? '',
  }));
  return { ...definition_, tasks };
}
