/** Between nodes: what one passes on, and what a list of them says. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { NodeRow } from '../../journal/nodes.ts';
import { jobToken, nodeToken } from '../credentials.ts';
import { ACCESS, FakeServices } from '../services.fake.ts';
import type { App } from '../app.ts';
import { createApp } from '../server.ts';

const NODE: NodeRow = {
  node: 1,
  name: 'west-1',
  epoch: 7,
  url: 'http://127.0.0.1:7700',
  host: 'west',
  pid: 42,
  leaseUntil: 5_000,
  alive: true,
  registeredAt: 1_000,
  active: 3,
  asleep: 9,
};
const CANCEL = { type: 'CancelRun', run: 'r-1', by: { actor: 'ada', request: 'q-1' } };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const HERE = 'http://127.0.0.1:7700';
const headers = bearer(nodeToken(ACCESS, 'west 1', HERE));
const operator = bearer(ACCESS.token);

let services: FakeServices;
let app: App;
let via: (string | undefined)[];
beforeEach(async () => {
  services = new FakeServices();
  via = [];
  const commands = { ...services.door.commands };
  const runs = { ...services.door.runs };
  services.door.commands.submit = (command, by) => {
    via.push(by);
    return commands.submit(command, by);
  };
  services.door.runs.inspect = (run, range, by) => {
    via.push(by);
    return runs.inspect(run, range, by);
  };
  services.views.nodes = async () => [NODE];
  app = await createApp(services, { access: ACCESS, version: '0.0.0', hosts: ['tutti.example'] });
});
afterEach(() => app.close());

it('hands a command to the door as it came, with the node that sends it', async () => {
  const url = '/api/v1/nodes/commands';
  const answer = await app.inject({ method: 'POST', url, headers, payload: CANCEL });
  expect(answer.json()).toEqual({ refused: false, run: 'r-1' });
  expect(services.commands).toEqual([CANCEL]);
  expect(via).toEqual(['west 1']);
});

it('answers a refusal as data', async () => {
  services.refusal = { refused: true, code: 'run.wrong-status', message: 'no', found: 'succeeded' };
  const url = '/api/v1/nodes/commands';
  const answer = await app.inject({ method: 'POST', url, headers, payload: CANCEL });
  expect(answer.json()).toEqual(services.refusal);
});

it('looks at a run for another node, and does not pass the question on', async () => {
  const answer = await app.inject({ method: 'GET', url: '/api/v1/nodes/runs/r-1', headers });
  expect(answer.json()).toMatchObject({ id: 'r-1' });
  expect(via).toEqual(['west 1']);
});

it('refuses a command that there is not', async () => {
  const url = '/api/v1/nodes/commands';
  const payload = { ...CANCEL, type: 'DropTable' };
  const answer = await app.inject({ method: 'POST', url, headers, payload });
  expect(answer.statusCode).toBe(400);
  expect(services.commands).toEqual([]);
});

it.each([
  ['nobody', {}, 401],
  ['an operator', operator, 403],
  ['a job of that run', bearer(jobToken(ACCESS, 'r-1')), 403],
  ['a node whose token is for another address', bearer(nodeToken(ACCESS, 'w', 'http://x')), 401],
  [
    'a node of another database',
    bearer(nodeToken({ ...ACCESS, nodeKey: new Uint8Array(32) }, 'w', HERE)),
    401,
  ],
])('is not for %s', async (_, shown, status) => {
  for (const [method, url] of [
    ['POST', '/api/v1/nodes/commands'],
    ['GET', '/api/v1/nodes/runs/r-1'],
  ] as const) {
    const payload = method === 'POST' ? CANCEL : undefined;
    const answer = await app.inject({ method, url, headers: shown, ...(payload && { payload }) });
    expect(answer.statusCode).toBe(status);
  }
  expect(via).toEqual([]);
});

it('lists the nodes, to whoever calls the server by a name that it advertises', async () => {
  const url = '/api/v1/nodes';
  const named = (host: string) => ({ ...operator, host });
  const answer = await app.inject({ method: 'GET', url, headers: named('tutti.example:7700') });
  const { epoch: _, ...shown } = NODE;
  expect(answer.json()).toEqual({ items: [shown], next: null });
  const foreign = await app.inject({ method: 'GET', url, headers: named('evil.example') });
  expect(foreign.statusCode).toBe(403);
});
