/**
 * One run that the database refuses must not hurt the others: its poison stands in batches with
 * forty innocent runs. Then the database itself is broken for a while, and a history gets a hole.
 */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../journal/testbed.ts';
import { type Attacked, underAttack } from './harness.ts';

const MANY = 40;
const chain = Array.from(
  { length: 60 },
  (_, n) => `  t${n}: { ${n > 0 ? `needs: [t${n - 1}], ` : ''}action: tutti.noop }`,
);
const CHAIN = `workflow: chain\ntasks:\n${chain.join('\n')}\n`;
const GUILTY = `workflow: guilty
inputs: { bad: { type: boolean, default: false } }
tasks:
  first: { action: tutti.set, with: { values: { bad: "\${{ inputs.bad }}" } } }
  nap: { needs: [first], wait: 10m }
  next: { needs: [nap], action: tutti.noop }
`;
/** Refuses, for good, whatever holds the word. */
const POISON = `
create function refuse_poison() returns trigger language plpgsql as $$
begin
  if new.data::text like '%poison%' then raise exception 'poison' using errcode = '22023'; end if;
  return new;
end $$;
create trigger poison before insert on events for each row execute function refuse_poison()`;

let attacked: Attacked;
let sql: pg.Client;
beforeAll(async () => {
  attacked = await underAttack();
  sql = await attacked.testbed.client(attacked.connection);
  await sql.query(POISON);
  await attacked.deploy(CHAIN);
  await attacked.deploy(GUILTY);
});
afterAll(() => attacked.close());

const many = <T>(work: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: MANY }, (_, n) => work(n)));

async function ready() {
  return (await attacked.ask('GET', '/readyz')).body;
}

async function seqsOf(run: string): Promise<number[]> {
  const { events } = (await attacked.ask('GET', `/runs/${run}/events`)).body;
  return events.map(({ seq }: { seq: number }) => seq);
}

describe('one run whose events the database refuses', () => {
  it('hurts none of those that share its batches', async () => {
    const guilty = await attacked.start('guilty');
    const [runs, refused] = await Promise.all([
      many(() => attacked.start('chain')),
      many(() => attacked.ask('POST', `/runs/${guilty}/hold`, { reason: 'this is poison' })),
    ]);
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([422]));
    expect(new Set(await Promise.all(runs.map((run) => attacked.ended(run))))).toEqual(
      new Set(['succeeded']),
    );
    // What was asked of it after that is done: it was folded again, and nothing is missing.
    expect((await attacked.ask('POST', `/runs/${guilty}/hold`, { reason: 'well' })).status).toBe(
      200,
    );
    const seqs = await seqsOf(guilty);
    expect(seqs).toEqual(seqs.map((_, n) => n));
    await attacked.survived({ guilty });
  });

  it('is not begun, and its start says so', async () => {
    const [started, runs] = await Promise.all([
      attacked.ask('POST', '/runs', { workflow: 'chain', reason: 'poison' }),
      many(() => attacked.start('chain')),
    ]);
    expect(started).toMatchObject({ status: 422, body: { code: 'write.refused' } });
    expect(new Set(await Promise.all(runs.map((run) => attacked.ended(run))))).toEqual(
      new Set(['succeeded']),
    );
    await attacked.survived();
  });

  it('is set aside when its own step is refused, and is repaired', async () => {
    await attacked.deploy(`workflow: bitter
tasks:
  set: { action: tutti.set, with: { values: { what: "poi\${{ 'son' }}" } } }
`);
    const guilty = await attacked.start('bitter');
    await until(async () => (await ready()).aside === 1);
    expect((await attacked.show(guilty)).aside).toContain('cannot be written');
    const held = await attacked.ask('POST', `/runs/${guilty}/hold`, {});
    expect(held).toMatchObject({ status: 409, body: { code: 'run.set-aside' } });
    expect((await ready()).status).toBe('ok');
    await sql.query('alter table events disable trigger poison');
    const preview = await attacked.ask('POST', `/runs/${guilty}/repair`, { preview: true });
    expect(preview.body).toMatchObject({ outcome: 'resumed' });
    expect((await ready()).aside).toBe(1);
    const repaired = await attacked.ask('POST', `/runs/${guilty}/repair`, {});
    expect(repaired.body).toMatchObject({ outcome: 'resumed' });
    expect(await attacked.ended(guilty)).toBe('succeeded');
    await sql.query('alter table events enable trigger poison');
    expect((await ready()).aside).toBe(0);
    const again = await attacked.ask('POST', `/runs/${guilty}/repair`, {});
    expect(again).toMatchObject({ status: 409, body: { code: 'run.not-aside' } });
    await attacked.survived();
  });
});

describe('a database that is not as it should be', () => {
  it.each([
    ['events', 'alter table events rename to away', 'alter table away rename to events'],
    ['feed', 'alter table feed rename to away', 'alter table away rename to feed'],
  ])('stalls all, says so, and all continue when it is mended: %s', async (name, breaks, mends) => {
    const waiting = await attacked.start('guilty');
    const runs = await many(() => attacked.start('chain'));
    await sql.query(breaks);
    const held = attacked.ask('POST', `/runs/${waiting}/hold`, {});
    let told = await ready();
    await until(async () => (told = await ready()).status === 'stalled');
    expect(told.stalls.join()).toMatch(new RegExp(`refuses what Tutti writes.*${name}`));
    await sql.query(mends);
    expect([200, 503]).toContain((await held).status);
    expect(new Set(await Promise.all(runs.map((run) => attacked.ended(run))))).toEqual(
      new Set(['succeeded']),
    );
    await attacked.survived({ guilty: waiting });
  });
});

describe('a history with a hole', () => {
  it('sets that one run aside, ends no node, and is ended by repair', async () => {
    const guilty = await attacked.start('guilty');
    const by = JSON.stringify({ by: { actor: 'x' } });
    // Far enough: the run may still be writing its first events.
    const seq = (await seqsOf(guilty)).length + 20;
    await sql.query(
      `insert into events (run_id, seq, at, type, data) values ($1, $2, now(), 'RunHeld', $3)`,
      [guilty, seq, by],
    );
    for (let restarts = 1; restarts <= 2; restarts += 1) {
      await attacked.restart();
      const released = await attacked.ask('POST', `/runs/${guilty}/release`, {});
      expect(released).toMatchObject({ status: 409, body: { code: 'run.set-aside' } });
      expect(released.body.detail).toMatch(/event \d+ of its history is missing/);
      await attacked.survived();
    }
    expect((await ready()).aside).toBe(1);
    const listed = (await attacked.ask('GET', '/runs?workflow=guilty&status=running')).body.items;
    expect(listed.find(({ id }: { id: string }) => id === guilty).aside).toContain('is missing');
    const repaired = await attacked.ask('POST', `/runs/${guilty}/repair`, { reason: 'enough' });
    expect(repaired.body).toMatchObject({ run: guilty, outcome: 'ended' });
    expect(await attacked.ended(guilty)).toBe('failed');
    expect((await ready()).aside).toBe(0);
    const again = await attacked.ask('POST', `/runs/${guilty}/repair`, {});
    expect(again).toMatchObject({ status: 409, body: { code: 'run.unreadable' } });
    await attacked.survived();
  });
});
