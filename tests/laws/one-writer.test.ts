/** Law 3, one writer per run, inside a node: what is done to a run is done to the one in memory. */
import { expect, it } from 'vitest';
import { by, EngineHarness } from '../simulation/engine-harness.ts';

const ASKING = `
workflow: asking
tasks:
  ask: { approve: { by: [desk, test], title: "?" } }
  after: { needs: [ask], action: world.look }
`;

it('answers a command on a sleeping run, though a refused one lets go of it meanwhile', async () => {
  const harness = await EngineHarness.open();
  await harness.deploy(ASKING);
  const run = await harness.start('asking');
  expect(harness.engine.gauges().runs).toBe(0);
  const [refused, accepted] = await Promise.all([
    harness.engine.door.commands.submit({ type: 'RerunTask', run, task: 'after', by }),
    harness.engine.door.commands.submit({ type: 'RestartRun', run, from: ['ask'], version: 1, by }),
  ]);
  expect(refused.refused).toBe(true);
  expect(accepted.refused).toBe(false);
  await harness.submit({ type: 'DecideApproval', run, task: 'ask', decision: 'approve', by });
  expect(harness.world.count('call')).toBe(1);
});
