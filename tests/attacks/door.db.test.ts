/** What comes in by the door: what cannot be written is refused there, in words, and nobody else notices. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Attacked, underAttack } from './harness.ts';

const WAITS = `workflow: waits
inputs: { x: { type: array, default: [] } }
tasks:
  nap: { wait: 10m }
  next: { needs: [nap], wait: 10m }
`;

let attacked: Attacked;
beforeAll(async () => {
  attacked = await underAttack();
  await attacked.deploy(WAITS);
});
afterAll(() => attacked.close());

describe('after an attack', () => {
  it('an innocent run ends, and the guilty one can be ended', async () => {
    const guilty = await attacked.start('waits');
    await attacked.survived({ guilty });
    expect((await attacked.show(guilty)).status).toBe('cancelled');
  });
});
