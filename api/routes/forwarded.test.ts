/** Between nodes: what one passes on, and what a list of them says. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { NodeRow } from '../../journal/journal.ts';
import { FORWARDED_BY } from '../../model/forwarded.ts';
import { CardboardHouse } from '../house.fake.ts';
import type { App } from '../house.ts';
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
const headers = { [FORWARDED_BY]: 'west%201' };

let house: CardboardHouse;
let app: App;
let via: (string | undefined)[];
beforeEach(async () => {
  house = new CardboardHouse();
  via = [];
  const door = { ...house.door };
  house.door.submit = (command, by) => {
    via.push(by);
    return door.submit(command, by);
  };
  house.door.inspect = (run, by) => {
    via.push(by);
    return door.inspect(run, by);
  };
  house.views.nodes = async () => [NODE];
  app = await createApp(house, { version: '0.0.0', hosts: ['tutti.example'] });
});
afterEach(() => app.close());

it('hands a command to the door as it came, with the node that sends it', async () => {
  const url = '/api/v1/nodes/commands';
  const answer = await app.inject({ method: 'POST', url, headers, payload: CANCEL });
  expect(answer.json()).toEqual({ refused: false, run: 'r-1' });
  expect(house.commands).toEqual([CANCEL]);
  expect(via).toEqual(['west 1']);
});

it('answers a refusal as data', async () => {
  house.refusal = { refused: true, code: 'run.wrong-status', message: 'no', found: 'succeeded' };
  const url = '/api/v1/nodes/commands';
  const answer = await app.inject({ method: 'POST', url, headers, payload: CANCEL });
  expect(answer.json()).toEqual(house.refusal);
});

it('looks at a run for another node, and does not pass the question on', async () => {
  const answer = await app.inject({ method: 'GET', url: '/api/v1/nodes/runs/r-1', headers });
  expect(answer.json()).toMatchObject({ id: 'r-1' });
  expect(via).toEqual(['west 1']);
});

it.each([
  ['without the name of a node', {}, CANCEL],
  ['with a command that there is not', headers, { ...CANCEL, type: 'DropTable' }],
])('refuses what comes %s', async (_, given, payload) => {
  const url = '/api/v1/nodes/commands';
  const answer = await app.inject({ method: 'POST', url, headers: given, payload });
  expect(answer.statusCode).toBe(400);
  expect(house.commands).toEqual([]);
});

it('lists the nodes, to whoever calls the server by a name that it advertises', async () => {
  const url = '/api/v1/nodes';
  const answer = await app.inject({ method: 'GET', url, headers: { host: 'tutti.example:7700' } });
  const { epoch: _, ...shown } = NODE;
  expect(answer.json()).toEqual({ items: [shown], next: null });
  const foreign = await app.inject({ method: 'GET', url, headers: { host: 'evil.example' } });
  expect(foreign.statusCode).toBe(403);
});
