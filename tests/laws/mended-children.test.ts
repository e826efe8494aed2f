/**
 * What a person does to a child run reaches its parent: the parent's task takes over how the child
 * ends, whenever and by whose hand, wherever the two live, and whoever dies in between. The other
 * way round: what the verbs on the parent's task mean for the child. The manual has it as a table.
 */
import { describe, expect, it } from 'vitest';
import type { OperatorCommand } from '../../model/run.ts';
import { quiet } from '../simulation/clock.ts';
import { by, EngineHarness } from '../simulation/engine-harness.ts';

const CHILD = `
workflow: steps
tasks:
  one: { action: world.touch }
  two: { action: world.touch, needs: [one] }
`;
const PARENT = `
workflow: parent
tasks:
  call: { workflow: steps }
  after: { needs: [call], action: world.touch }
`;
const GRANDPARENT = `
workflow: grandparent
tasks:
  above: { workflow: parent }
`;
const FAILURE = { class: 'failed', code: 'test.failed', message: 'it broke' } as const;

interface Family {
  readonly harness: EngineHarness;
  readonly parent: string;
  readonly child: string;
}

async function answer(harness: EngineHarness): Promise<void> {
  harness.world.take('call').answer({});
  await quiet(40);
}

async function breakOff(harness: EngineHarness): Promise<void> {
  harness.world.take('call').fail(FAILURE);
  await quiet(40);
}

async function begun(harness: EngineHarness, workflow = 'parent', task = 'call') {
  const parent = await harness.start(workflow);
  await quiet(40);
  return { parent, child: (await harness.task(parent, task)).child ?? '' };
}

/** The child's second task has failed, and so has all above it. */
async function broken(): Promise<Family> {
  const harness = await EngineHarness.open();
  for (const workflow of [CHILD, PARENT, GRANDPARENT]) await harness.deploy(workflow);
  const { parent, child } = await begun(harness);
  await answer(harness);
  await breakOff(harness);
  expect((await harness.view(parent)).status).toBe('failed');
  return { harness, parent, child };
}

const mender = { actor: 'mender', reason: 'the disk is there again' };
const children = (harness: EngineHarness, parent: string) =>
  [...harness.journal.rows.values()].filter(({ start }) => start.parent?.run === parent).length;

describe('a verb on the child that had ended', () => {
  const two = (run: string) => ({ run, task: 'two', by: mender });
  const verbs: readonly [string, (run: string) => OperatorCommand, answers: boolean][] = [
    ['restart', (run) => ({ type: 'RestartRun', run, by: mender }), true],
    ['rerun', (run) => ({ type: 'RerunTask', ...two(run) }), true],
    ['skip', (run) => ({ type: 'SkipTask', ...two(run) }), false],
    ['force', (run) => ({ type: 'ForceTask', ...two(run), as: 'succeeded' }), false],
  ];

  it.each(verbs)(
    '%s: the parent takes over how it ends, and nothing is done twice',
    async (...given) => {
      const [, commandFor, answers] = given;
      const { harness, parent, child } = await broken();
      await harness.submit(commandFor(child));
      await quiet(40);
      const meanwhile = await harness.task(parent, 'call');
      const waits = { status: 'running', child };
      expect(meanwhile).toMatchObject(answers ? waits : { status: 'succeeded' });
      if (answers) await answer(harness);
      expect((await harness.view(child)).status).toBe('succeeded');
      expect((await harness.task(parent, 'call')).status).toBe('succeeded');
      await answer(harness);
      expect((await harness.view(parent)).status).toBe('succeeded');
      expect(children(harness, parent)).toBe(1);
      expect(harness.types(child).filter((type) => type === 'TaskStarted')).toHaveLength(
        answers ? 3 : 2,
      );
      const reopened = harness.journal.rows
        .get(parent)
        ?.events.find(({ type }) => type === 'TaskReopened');
      expect(JSON.parse(reopened?.data ?? '')).toEqual({ child, by: mender });
    },
  );

  it('tells what it does to the parent before it is done', async () => {
    const { harness, parent, child } = await broken();
    const asked = { type: 'RestartRun', run: child, by } as const;
    const above = (preview: unknown) => (preview as { above?: unknown }).above;
    expect(above(await harness.engine.door.runs.preview(asked))).toEqual([
      { run: parent, task: 'call', takesOver: true, runsAgain: [] },
    ]);
    await harness.submit({ type: 'RerunTask', run: parent, task: 'call', by });
    const because = 'attempt 1 of "call" is over';
    expect(above(await harness.engine.door.runs.preview(asked))).toEqual([
      { run: parent, task: 'call', takesOver: false, because, runsAgain: [] },
    ]);
  });

  it('reaches whoever stands above the parent, too', async () => {
    const harness = await EngineHarness.open();
    for (const workflow of [CHILD, PARENT, GRANDPARENT]) await harness.deploy(workflow);
    const { parent: top, child: parent } = await begun(harness, 'grandparent', 'above');
    const child = (await harness.task(parent, 'call')).child ?? '';
    await answer(harness);
    await breakOff(harness);
    expect((await harness.view(top)).status).toBe('failed');
    const asked = { type: 'RestartRun', run: child, by } as const;
    const preview = await harness.engine.door.runs.preview(asked);
    expect(preview).toMatchObject({ above: [{ run: parent }, { run: top, task: 'above' }] });
    await harness.submit(asked);
    await quiet(40);
    expect((await harness.view(top)).status).toBe('running');
    await answer(harness);
    await answer(harness);
    expect((await harness.view(top)).status).toBe('succeeded');
  });

  it('restart, and it fails again: the parent fails again, and may be mended again', async () => {
    const { harness, parent, child } = await broken();
    for (let time = 0; time < 2; time++) {
      await harness.submit({ type: 'RestartRun', run: child, by });
      await quiet(40);
      await breakOff(harness);
      expect((await harness.view(parent)).status).toBe('failed');
    }
    await harness.submit({ type: 'RestartRun', run: child, by });
    await quiet(40);
    await answer(harness);
    expect((await harness.task(parent, 'call')).status).toBe('succeeded');
  });

  it('cancel: the parent’s task fails, and no other child is begun in its place', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(CHILD);
    await harness.deploy(PARENT.replace('workflow: steps }', 'workflow: steps, retry: 3 }'));
    const { parent, child } = await begun(harness);
    await harness.submit({ type: 'CancelRun', run: child, by });
    await answer(harness);
    expect((await harness.view(child)).status).toBe('cancelled');
    const { status, failure } = await harness.task(parent, 'call');
    expect(status).toBe('failed');
    expect(failure).toMatchObject({ class: 'rejected', code: 'child.failed', native: child });
    expect(children(harness, parent)).toBe(1);
  });
});

describe('a verb on the parent', () => {
  it.each([
    ['rerun', { type: 'RerunTask', task: 'call' } as const],
    ['restart', { type: 'RestartRun', from: ['call'] } as const],
  ])(
    '%s of its task begins a new child; the old one is on its own from then on',
    async (_, verb) => {
      const { harness, parent, child } = await broken();
      await harness.submit({ ...verb, run: parent, by });
      await quiet(40);
      const second = (await harness.task(parent, 'call')).child;
      expect(second).not.toBe(child);
      harness.world.asked.length = 0;
      await harness.submit({ type: 'RestartRun', run: child, by });
      await quiet(40);
      await answer(harness);
      expect((await harness.view(child)).status).toBe('succeeded');
      expect(await harness.task(parent, 'call')).toMatchObject({
        status: 'running',
        child: second,
      });
    },
  );

  it.each([
    ['force', { type: 'ForceTask', as: 'failed' } as const, 'failed'],
    ['skip', { type: 'SkipTask' } as const, 'skipped'],
  ])('%s of its task stands, whatever becomes of the child', async (_, verb, status) => {
    const { harness, parent, child } = await broken();
    await harness.submit({ ...verb, run: parent, task: 'call', by });
    await harness.submit({ type: 'RestartRun', run: child, by });
    await quiet(40);
    harness.world.asked.findLast(({ key }) => key.startsWith(child))?.answer({});
    await quiet(40);
    expect((await harness.view(child)).status).toBe('succeeded');
    expect((await harness.task(parent, 'call')).status).toBe(status);
  });

  it('force and skip while the child goes on are refused: whoever wants that ends the child', async () => {
    const harness = await EngineHarness.open();
    for (const workflow of [CHILD, PARENT]) await harness.deploy(workflow);
    const { parent } = await begun(harness);
    const on = { run: parent, task: 'call', by };
    expect(await harness.submit({ type: 'SkipTask', ...on })).toMatchObject({ refused: true });
    const forced = await harness.submit({ type: 'ForceTask', ...on, as: 'succeeded' });
    expect(forced).toMatchObject({ refused: true, code: 'task.wrong-status' });
  });

  it('cancel ends the mended child as any other', async () => {
    const { harness, parent, child } = await broken();
    await harness.submit({ type: 'RestartRun', run: child, by });
    await quiet(40);
    await harness.submit({ type: 'CancelRun', run: parent, by });
    await answer(harness);
    expect((await harness.view(child)).status).toBe('cancelled');
    expect((await harness.view(parent)).status).toBe('cancelled');
    await harness.submit({ type: 'RestartRun', run: child, from: ['two'], by });
    await quiet(40);
    await answer(harness);
    expect((await harness.view(child)).status).toBe('succeeded');
    expect((await harness.view(parent)).status).toBe('cancelled');
  });
});

describe('a mended child, whoever dies in between', () => {
  /** The mending is in the journal; of what follows from it nothing has been written. */
  async function crashAfter(family: Family, type: string): Promise<void> {
    const { harness, child } = family;
    const append = harness.journal.append.bind(harness.journal);
    const never = new Promise<never>(() => {});
    let over = false;
    harness.journal.append = async (lease, batch) => {
      if (over) return never;
      over = batch.events.some((event) => event.type === type);
      return append(lease, batch);
    };
    void harness.engine.door.commands
      .submit({ type: 'RestartRun', run: child, by })
      .catch(() => undefined);
    await quiet(60);
    expect(over).toBe(true);
    harness.journal.append = append;
    await harness.crash();
    await quiet(40);
  }

  it.each(['RunRestarted', 'TaskReopened', 'ParentTold'])(
    'after %s the parent takes over all the same',
    async (type) => {
      const family = await broken();
      const { harness, parent, child } = family;
      await crashAfter(family, type);
      expect((await harness.view(parent)).status).toBe('running');
      const verb = harness.world.count('locate') > 0 ? 'locate' : 'call';
      harness.world.take(verb).answer(verb === 'locate' ? { found: {} } : {});
      await quiet(40);
      expect((await harness.view(child)).status).toBe('succeeded');
      expect((await harness.task(parent, 'call')).status).toBe('succeeded');
    },
  );

  it('reaches a parent on another node', async () => {
    const first = await EngineHarness.open({ nodeName: 'node-a' });
    const second = await EngineHarness.open({ nodeName: 'node-b', beside: first });
    for (const workflow of [CHILD, PARENT]) await first.deploy(workflow);
    await quiet();
    const { parent, child } = await begun(first);
    await answer(first);
    await breakOff(first);
    // The child has ended: it may be anybody's.
    Object.assign(first.journal.rows.get(child) ?? {}, { owner: 1 });
    await second.submit({ type: 'RestartRun', run: child, by });
    await quiet(40);
    expect((await first.view(parent)).status).toBe('running');
    await answer(second);
    expect((await first.task(parent, 'call')).status).toBe('succeeded');
  });

  it('does not end before a parent that cannot be reached has heard of it', async () => {
    const first = await EngineHarness.open({ nodeName: 'node-a' });
    const second = await EngineHarness.open({ nodeName: 'node-b', beside: first });
    for (const workflow of [CHILD, PARENT]) await first.deploy(workflow);
    await quiet();
    const { parent, child } = await begun(first);
    await answer(first);
    await breakOff(first);
    Object.assign(first.journal.rows.get(child) ?? {}, { owner: 1 });
    first.process.kill();
    await second.submit({ type: 'RestartRun', run: child, by });
    await quiet(40);
    await answer(second);
    expect((await second.view(child)).status).toBe('running');
    await second.clock.advance(60_000);
    expect((await second.view(child)).status).toBe('succeeded');
    expect((await second.task(parent, 'call')).status).toBe('succeeded');
  });
});
