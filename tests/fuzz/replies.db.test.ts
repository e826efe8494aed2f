import { afterAll, beforeAll, expect, it } from 'vitest';
import { reply, Service } from './service.ts';
import { FUZZ_LIMIT_MS, fuzz } from './session.ts';
import { Victim } from './victim.ts';

const METHODS = ['GET', 'POST', 'PUT'];
const workflow = (method: string): string => `
workflow: ask-${method.toLowerCase()}
tasks:
  ask:
    action: http.request
    system: service
    timeout: 5s
    with: { url: /, method: ${method} }
`;
const END_LIMIT_MS = 30_000;

let service: Service;
let victim: Victim;
beforeAll(async () => {
  service = await Service.start();
  victim = await Victim.start(() => `service: { kind: http, base-url: ${service.url} }\n`);
  for (const method of METHODS) await victim.deploy(workflow(method));
});
afterAll(async () => {
  service.close();
  await victim.close();
});

async function ends(run: string, method: string): Promise<boolean> {
  // Of what may not happen twice nobody may know the outcome: then a person decides.
  const patienceMs = method === 'POST' ? 1_000 : END_LIMIT_MS;
  if ((await victim.ended(run, patienceMs)) !== 'open') return true;
  for (let tries = 0; tries < 10; tries++) {
    await victim.post(`/runs/${run}/tasks/ask/force`, { as: 'failed', reason: 'the fuzz is over' });
    if ((await victim.ended(run, 2_000)) !== 'open') return true;
  }
  return false;
}

it(
  'survives whatever a service replies',
  async () => {
    const found = await fuzz(victim, 'replies of services', async (chance) => {
      service.answer = () => reply(chance);
      const asked = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const method = chance.pick(METHODS);
          const run = await victim.start(`ask-${method.toLowerCase()}`);
          return (await ends(run, method)) ? [] : [`run ${run} of a ${method} does not end`];
        }),
      );
      return asked.flat();
    });
    expect(found).toEqual([]);
  },
  FUZZ_LIMIT_MS,
);
