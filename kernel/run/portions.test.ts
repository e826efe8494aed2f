/** What a large run decides by itself it decides in portions, and a crash between two loses nothing. */
import { describe, expect, it } from 'vitest';
import type { Definition } from '../../model/definition.ts';
import { readWorkflow } from '../../language/read.ts';
import type { RunEvent } from '../../model/run.ts';
import type { Context } from './context.ts';
import { BY, START } from './definition.fixture.ts';
import { NO_OVERLAY } from './gates.ts';
import { sleepsUntil } from './plan.ts';
import { isAtRest } from './settle.ts';
import type { RunState } from './state.ts';
import { first, replay, settleOn } from './step.ts';
import { viewOf } from './view.ts';
import { prepared } from './version.ts';

/** Portions end with the last of them, too. */
const COUNT = 600;

function define(task: (at: number) => string): Definition {
  const tasks = Array.from({ length: COUNT }, (_, at) => `  t${at}: ${task(at)}`);
  const { definition, problems } = readWorkflow(`workflow: w\ntasks:\n${tasks.join('\n')}\n`);
  expect(problems).toEqual([]);
  return definition as Definition;
}

const KINDS: readonly [string, Definition][] = [
  ['conditions', define((at) => `{ action: a.b, when: "${at % 3 === 0}" }`)],
  [
    'tasks that no edge takes',
    define((at) => `{ action: a.b, ${at === 0 ? 'when: "false"' : `needs: [t${at - 1}]`} }`),
  ],
  ['waits', define(() => '{ wait: 1h }')],
  ['approvals', define(() => '{ approve: { by: [ada], title: ok } }')],
  ['lists', define(() => '{ action: a.b, each: [] }')],
];

interface Going {
  state: RunState;
  readonly events: RunEvent[];
}

function contextOf(definition: Definition): Context {
  const version = prepared(definition);
  return { now: START, chance: () => 0, versions: () => version };
}

function begun(definition: Definition): Going {
  const started = { type: 'RunStarted', at: START, workflow: 'w', version: 1 } as const;
  const { state, events } = first('r', { ...started, inputs: {}, by: BY }, contextOf(definition));
  return { state, events: [...events] };
}

/** To its rest; `between` two portions something may happen to it. */
function settled(definition: Definition, between: (going: Going) => void): Going {
  const going = begun(definition);
  for (let portions = 1; !isAtRest(going.state); portions++) {
    expect(portions).toBeLessThan(20);
    expect(sleepsUntil(going.state)).toBeNull();
    between(going);
    const more = settleOn(going.state, contextOf(definition));
    expect(more.length).toBeLessThanOrEqual(200);
    going.events.push(...more);
  }
  return going;
}

describe.each(KINDS)('%s of a large run', (_, definition) => {
  it('are settled in portions', () => {
    const { events } = begun(definition);
    expect(events.length).toBeLessThanOrEqual(201);
    expect(settled(definition, () => undefined).events.length).toBeGreaterThan(COUNT / 2);
  });

  it('are settled alike when the run is folded from the journal between two of them', () => {
    const whole = settled(definition, () => undefined);
    const folded = settled(definition, (going) => {
      const again = replay('r', going.events, () => prepared(definition));
      expect(new Set(again.worklist)).toEqual(new Set(going.state.worklist));
      going.state = again;
    });
    expect(viewOf(folded.state, NO_OVERLAY)).toEqual(viewOf(whole.state, NO_OVERLAY));
    expect(isAtRest(replay('r', folded.events, () => prepared(definition)))).toBe(true);
  });
});

describe('the tasks of a large run', () => {
  const { state } = settled(
    define((at) => `{ action: a.b, when: "${at % 3 === 0}" }`),
    () => {},
  );
  const all = viewOf(state, NO_OVERLAY).taskViews;

  function pages(open: boolean) {
    const found = [];
    for (let after: string | undefined = '0'; after !== undefined; ) {
      const page = viewOf(state, NO_OVERLAY, { after: Number(after), limit: 100, open });
      expect(page.taskViews.length).toBeLessThanOrEqual(100);
      found.push(...page.taskViews);
      after = page.next;
    }
    return found;
  }

  it('are seen page by page, all of them or those that are open', () => {
    expect(all).toHaveLength(COUNT);
    expect(pages(false)).toEqual(all);
    expect(pages(true)).toEqual(all.filter(({ status }) => status === 'queued'));
    const one = viewOf(state, NO_OVERLAY, { task: 't9', after: 0, limit: 100 });
    expect(one.taskViews).toEqual([all[9]]);
    expect(one).not.toHaveProperty('next');
  });

  it('fill a page sooner when they are large', () => {
    const large = { ...state, nodes: state.nodes.map((node) => ({ ...node })) };
    for (const node of large.nodes)
      node.status = {
        name: 'ended',
        end: 'succeeded',
        attempt: 1,
        endedAt: START,
        output: { text: 'x'.repeat(250_000) },
      };
    const page = viewOf(large, NO_OVERLAY, { after: 0, limit: 500 });
    expect(page.taskViews.length).toBeLessThan(30);
    expect(page.next).toBe(String(page.taskViews.length));
  });
});
