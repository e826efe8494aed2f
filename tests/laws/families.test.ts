/**
 * Families of runs: how deep they may be, how they are cancelled as one, and who hears of what
 * becomes of a child.
 */
import { describe, expect, it } from 'vitest';
import type { Definition } from '../../model/definition.ts';
import { CHILD_DEPTH } from '../../model/family.ts';
import { lowerWorkflow } from '../../language/read.ts';
import { quiet } from '../simulation/clock.ts';
import { by, EngineHarness } from '../simulation/engine-harness.ts';

/** As it was deployed before a workflow that runs itself was refused: the reader would not take it. */
async function deployOld(harness: EngineHarness, name: string, tasks: object): Promise<void> {
  const { definition } = lowerWorkflow({ workflow: `${name}-`, tasks });
  if (definition === null) throw new Error('it has mistakes');
  await harness.journal.deploy({
    workflow: name,
    definition: { ...definition, name } satisfies Definition,
    source: '',
    directory: '',
    deployedAt: 0,
    by,
  });
}

function statuses(harness: EngineHarness): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { start, update } of harness.journal.rows.values()) {
    const status = update?.status ?? start.status;
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return counts;
}

describe('a family has a bound', () => {
  it('is not made endless by two deployments at the same time', async () => {
    const harness = await EngineHarness.open();
    const deploy = (name: string, other: string) =>
      harness.engine.door.deployments.deploy({
        source: `workflow: ${name}\ntasks:\n  call: { workflow: ${other} }\n`,
        by,
      });
    const both = Promise.all([deploy('ping', 'pong'), deploy('pong', 'ping')]);
    await quiet(1_000);
    const refused = (await both).filter((answer) => answer.refused);
    expect(refused).toMatchObject([{ problems: [{ code: 'workflow.recursive' }] }]);
  });

  it(`ends at the child with more than ${CHILD_DEPTH} runs above it, and says who called whom`, async () => {
    const harness = await EngineHarness.open();
    await deployOld(harness, 'ping', { call: { workflow: 'pong' } });
    await deployOld(harness, 'pong', { call: { workflow: 'ping' } });
    const root = await harness.start('ping');
    await quiet(5_000);
    expect(harness.journal.rows.size).toBe(CHILD_DEPTH + 1);
    expect((await harness.view(root)).status).toBe('failed');
    const last = [...harness.journal.rows.keys()].at(-1) ?? '';
    const { failure } = await harness.task(last, 'call');
    expect(failure).toMatchObject({ class: 'rejected', code: 'child.too-deep' });
    expect(failure?.message).toContain('ping → pong → ping → pong → … → pong → ping');
  });

  it('begins no child below a run that is being cancelled, however wide the family grows', async () => {
    const harness = await EngineHarness.open();
    const twice = { one: { workflow: 'twins' }, two: { workflow: 'twins' } };
    await deployOld(harness, 'twins', twice);
    const answer = await harness.engine.door.commands.start({ workflow: 'twins', inputs: {}, by });
    if (answer.refused) throw new Error(answer.message);
    const size = () => harness.journal.rows.size;
    while (size() < 100) await quiet(1);
    await harness.submit({ type: 'CancelRun', run: answer.run, by });
    await quiet(5_000);
    expect(size()).toBeLessThan(1_000);
    expect(statuses(harness).get('running')).toBeUndefined();
    expect(statuses(harness).get('cancelling')).toBeUndefined();
    expect((await harness.view(answer.run)).status).toBe('cancelled');
  });

  it('begins no child after a crash between its intent and a cancellation', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy('workflow: leaf\ntasks: { a: { action: world.look } }');
    await harness.deploy('workflow: top\ntasks: { call: { workflow: leaf } }');
    const append = harness.journal.append.bind(harness.journal);
    const never = new Promise<never>(() => {});
    harness.journal.append = (lease, batch) =>
      batch.starts.some(({ parent }) => parent !== null) ? never : append(lease, batch);
    const run = await harness.start('top');
    expect(harness.types(run)).toEqual(['RunStarted', 'TaskStarted']);
    await harness.submit({ type: 'CancelRun', run, by });
    harness.journal.append = append;
    await harness.crash();
    expect([...harness.journal.rows.keys()]).toEqual([run]);
    expect((await harness.view(run)).status).toBe('cancelled');
  });
});

describe('workflows that run each other', () => {
  const CALLS = (name: string, other: string) =>
    `workflow: ${name}\ntasks:\n  call: { workflow: ${other} }\n`;

  it('are refused when the second is deployed, with the place in its file', async () => {
    const harness = await EngineHarness.open();
    await harness.deploy(CALLS('ping', 'pong'));
    const source = CALLS('pong', 'ping');
    const answer = await harness.engine.door.deployments.deploy({ source, file: 'pong.yaml', by });
    const message = 'the workflows call each other without end: pong → ping → pong';
    const place = { file: 'pong.yaml', line: 3, column: 21 };
    expect(answer).toMatchObject({ problems: [{ message, ...place }] });
    // As it is deployed then, not as it was once.
    await harness.deploy('workflow: ping\ntasks: { a: { action: world.look } }');
    await harness.deploy(source);
  });
});
