/**
 * Families of runs: how deep they may be, how they are cancelled as one, and who hears of what
 * becomes of a child.
 */
import { describe, expect, it } from 'vitest';
import type { Definition } from '../../model/definition.ts';
import { CHILD_DEPTH } from '../../model/family.ts';
import { lowerWorkflow } from '../../language/read.ts';
import { quiet } from '../simulation/clock.ts';
import { by, Stage } from '../simulation/stage.ts';

/** As it was deployed before a workflow that runs itself was refused: the reader would not take it. */
async function deployOld(stage: Stage, name: string, tasks: object): Promise<void> {
  const { definition } = lowerWorkflow({ workflow: `${name}-`, tasks });
  if (definition === null) throw new Error('it has mistakes');
  await stage.journal.deploy({
    workflow: name,
    definition: { ...definition, name } satisfies Definition,
    source: '',
    directory: '',
    deployedAt: 0,
    by,
  });
}

function statuses(stage: Stage): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { start, update } of stage.journal.rows.values()) {
    const status = update?.status ?? start.status;
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return counts;
}

describe('a family has a bound', () => {
  it('is not made endless by two deployments at the same time', async () => {
    const stage = await Stage.open();
    const deploy = (name: string, other: string) =>
      stage.engine.door.deploy({
        source: `workflow: ${name}\ntasks:\n  call: { workflow: ${other} }\n`,
        by,
      });
    const both = Promise.all([deploy('ping', 'pong'), deploy('pong', 'ping')]);
    await quiet(1_000);
    const refused = (await both).filter((answer) => answer.refused);
    expect(refused).toMatchObject([{ problems: [{ code: 'workflow.recursive' }] }]);
  });

  it(`ends at the child with more than ${CHILD_DEPTH} runs above it, and says who called whom`, async () => {
    const stage = await Stage.open();
    await deployOld(stage, 'ping', { call: { workflow: 'pong' } });
    await deployOld(stage, 'pong', { call: { workflow: 'ping' } });
    const root = await stage.start('ping');
    await quiet(5_000);
    expect(stage.journal.rows.size).toBe(CHILD_DEPTH + 1);
    expect((await stage.view(root)).status).toBe('failed');
    const last = [...stage.journal.rows.keys()].at(-1) ?? '';
    const { failure } = await stage.task(last, 'call');
    expect(failure).toMatchObject({ class: 'rejected', code: 'child.too-deep' });
    expect(failure?.message).toContain('ping → pong → ping → pong → … → pong → ping');
  });

  it('begins no child below a run that is being cancelled, however wide the family grows', async () => {
    const stage = await Stage.open();
    const twice = { one: { workflow: 'twins' }, two: { workflow: 'twins' } };
    await deployOld(stage, 'twins', twice);
    const answer = await stage.engine.door.start({ workflow: 'twins', inputs: {}, by });
    if (answer.refused) throw new Error(answer.message);
    const size = () => stage.journal.rows.size;
    while (size() < 100) await quiet(1);
    await stage.submit({ type: 'CancelRun', run: answer.run, by });
    await quiet(5_000);
    expect(size()).toBeLessThan(1_000);
    expect(statuses(stage).get('running')).toBeUndefined();
    expect(statuses(stage).get('cancelling')).toBeUndefined();
    expect((await stage.view(answer.run)).status).toBe('cancelled');
  });

  it('begins no child after a crash between its intent and a cancellation', async () => {
    const stage = await Stage.open();
    await stage.deploy('workflow: leaf\ntasks: { a: { action: world.look } }');
    await stage.deploy('workflow: top\ntasks: { call: { workflow: leaf } }');
    const append = stage.journal.append.bind(stage.journal);
    const never = new Promise<never>(() => {});
    stage.journal.append = (lease, batch) =>
      batch.starts.some(({ parent }) => parent !== null) ? never : append(lease, batch);
    const run = await stage.start('top');
    expect(stage.types(run)).toEqual(['RunStarted', 'TaskStarted']);
    await stage.submit({ type: 'CancelRun', run, by });
    stage.journal.append = append;
    await stage.crash();
    expect([...stage.journal.rows.keys()]).toEqual([run]);
    expect((await stage.view(run)).status).toBe('cancelled');
  });
});

describe('workflows that run each other', () => {
  const CALLS = (name: string, other: string) =>
    `workflow: ${name}\ntasks:\n  call: { workflow: ${other} }\n`;

  it('are refused when the second is deployed, with the place in its file', async () => {
    const stage = await Stage.open();
    await stage.deploy(CALLS('ping', 'pong'));
    const source = CALLS('pong', 'ping');
    const answer = await stage.engine.door.deploy({ source, file: 'pong.yaml', by });
    const message = 'the workflows run each other without end: pong → ping → pong';
    const place = { file: 'pong.yaml', line: 3, column: 21 };
    expect(answer).toMatchObject({ problems: [{ message, ...place }] });
    // As it is deployed then, not as it was once.
    await stage.deploy('workflow: ping\ntasks: { a: { action: world.look } }');
    await stage.deploy(source);
  });
});
