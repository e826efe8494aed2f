/** Law 3, one writer per run, inside a node: what is done to a run is done to the one in memory. */
import { expect, it } from 'vitest';
import { by, Stage } from '../simulation/stage.ts';

const asking = `
workflow: asking
tasks:
  ask: { approve: { by: desk, title: "?" } }
  after: { needs: [ask], action: tutti.noop }
`;

it('answers every command on a sleeping run, also one that meets a refused one', async () => {
  const stage = await Stage.open();
  await stage.deploy(asking.replace('tutti.noop', 'world.look'));
  const run = await stage.start('asking');
  expect(stage.engine.gauges().runs).toBe(0);
  const [refused, accepted] = await Promise.all([
    stage.engine.door.submit({ type: 'RerunTask', run, task: 'after', by }),
    stage.engine.door.submit({
      type: 'DecideApproval',
      run,
      task: 'ask',
      decision: 'approve',
      by: { actor: 'desk' },
    }),
  ]);
  expect(refused.refused).toBe(true);
  expect(accepted.refused).toBe(false);
  expect(stage.world.count('call')).toBe(1);
});
