import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Chance } from '../chaos/chance.ts';
import { nastyBytes, nastyJson, nastyText } from './nasty.ts';
import { reply, Service } from './service.ts';
import { FUZZ_LIMIT_MS, fuzz } from './session.ts';
import { Victim } from './victim.ts';

let service: Service;
let victim: Victim;
let nodes = 0;
beforeAll(async () => {
  service = await Service.start();
  victim = await Victim.start();
});
afterAll(async () => {
  service.close();
  await victim.close();
});

/** Another node that lives, or says so. */
async function strangeNode(chance: Chance): Promise<number> {
  const url = chance.pick([
    service.url,
    `${service.url}/`,
    `${service.url}/x#`,
    `${service.url}?a=b`,
    'http://user:password@127.0.0.1:1',
    'http://127.0.0.1:1',
    'file:///etc/passwd',
    'javascript:0',
    '',
    nastyText(chance).replaceAll('\0', ''),
  ]);
  const { rows } = await victim.database.query<{ id: number }>(
    `insert into nodes (name, epoch, url, registered_at) values ($1, 1, $2, now()) returning id`,
    [`strange-${nodes++}-${randomUUID()}`, Buffer.from(url).toString()],
  );
  const node = rows[0]?.id ?? 0;
  await victim.database.query(
    `insert into leases (node, until) values ($1, now() + make_interval(secs => $2))`,
    [node, chance.pick([-5, 1, 2, 3_600])],
  );
  return node;
}

const TYPES = ['RunStarted', 'TaskStarted', 'TaskEnded', 'RunEnded', 'TaskHeld', 'Unheard', ''];

/** A run that it left behind: what is in its rows, a newer version or a mistake wrote. */
async function strangeRun(chance: Chance, node: number | null): Promise<string> {
  const run = randomUUID();
  await victim.database.query(
    `insert into runs (id, created_at, wake_at, owner, version, total, workflow, status, by)
     values ($1, now(), $2, $3, $4, $5, $6, $7, $8)`,
    [
      run,
      chance.pick([null, '-infinity', 'infinity', '1000-01-01', new Date()]),
      node,
      chance.pick([1, 2, -7, 2_147_483_647]),
      chance.pick([0, 2, -1]),
      chance.pick(['innocent', 'nowhere', '']),
      chance.pick(['running', 'unheard', 'succeeded']),
      chance.pick(['{"actor":"x"}', '{}', 'null', '[]', '"x"']),
    ],
  );
  for (let seq = chance.below(2), last = chance.below(4); seq <= last; seq += 1 + chance.below(2)) {
    const data = chance.happens(0.3)
      ? nastyJson(chance, 0, [50, 99])
      : '{"workflow":"innocent","version":1,"inputs":{},"by":{"actor":"x"}}';
    await victim.database
      .query(
        `insert into events (run_id, at, seq, attempt, type, task, "end", data)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [
          run,
          chance.pick([new Date(), '0001-01-01']),
          seq,
          chance.pick([null, 1, -1]),
          seq === 0 && chance.happens(0.7) ? 'RunStarted' : chance.pick(TYPES),
          chance.pick([null, 'first', 'nobody']),
          chance.pick([null, 'succeeded', 'unheard']),
          data,
        ],
      )
      // What the table itself refuses no node can have written.
      .catch(() => undefined);
  }
  return run;
}

/** Every way in which a person meets it. */
async function meet(chance: Chance, run: string): Promise<readonly string[]> {
  const asked = [
    { method: 'GET', path: `/runs/${run}` },
    { method: 'GET', path: `/runs/${run}/why` },
    { method: 'GET', path: `/runs/${run}/events` },
    { method: 'GET', path: '/runs' },
    { method: 'GET', path: '/nodes' },
    {
      method: 'POST',
      path: `/runs/${run}/${chance.pick(['hold', 'cancel', 'restart'])}`,
      body: '{}',
    },
  ];
  const answers = await Promise.all(asked.map((each) => victim.ask(each)));
  return answers.flatMap(({ status, text }, index) => {
    const known = /"code":"(node\.unreachable|command\.unanswered|run\.elsewhere)"/.test(text);
    if (status < 500 || known) return [];
    return [`${asked[index]?.method} ${asked[index]?.path}: ${status} ${text}`];
  });
}

it(
  'survives whatever another node writes or replies',
  async () => {
    // Their own history need not be without gaps.
    const strange = new Set<string>();
    const round = async (chance: Chance): Promise<readonly string[]> => {
      service.answer = () => {
        if (chance.happens(0.3)) return reply(chance);
        const body = chance.happens(0.5)
          ? Buffer.from(nastyJson(chance))
          : nastyBytes(chance, 9_000);
        const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
        return Buffer.concat([Buffer.from(head), body]);
      };
      const node = await strangeNode(chance);
      const run = await strangeRun(chance, chance.pick([node, null]));
      await victim.database.query(`select pg_notify($1, $2)`, [
        'tutti',
        chance.pick([
          'orphans',
          'due',
          'slots',
          'feed',
          nastyText(chance).replaceAll('\0', '').slice(0, 500),
        ]),
      ]);
      strange.add(run);
      return await meet(chance, run);
    };
    const found = await fuzz(victim, 'rows of other nodes', round, strange);
    expect(found).toEqual([]);
  },
  FUZZ_LIMIT_MS,
);
