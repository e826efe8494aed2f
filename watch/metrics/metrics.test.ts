/** What Prometheus reads after a few runs, value by value. */
import { describe, expect, it } from 'vitest';
import { quiet, SimulatedClock } from '../../tests/simulation/clock.ts';
import { EngineHarness } from '../../tests/simulation/engine-harness.ts';
import { METRICS } from './catalogue.ts';
import { Metrics } from './metrics.ts';
import { OTHER, Tally } from './tally.ts';

const LOOK = `
workflow: look
pools: { desk: 2 }
tasks:
  first:
    action: world.look
    with: {}
    pool: desk
    retry: { attempts: 3, delay: 10s, backoff: 1, on: [transient] }
  second:
    needs: [first]
    each: { items: [1, 2] }
    action: world.touch
    with: {}
`;

async function openStage(mostWorkflows?: number) {
  const clock = new SimulatedClock();
  const metrics = new Metrics({
    version: '1.2.3',
    now: () => clock.now(),
    ...(mostWorkflows !== undefined && { mostWorkflows }),
  });
  const harness = await EngineHarness.open({ observer: metrics.counts, clock });
  metrics.watch(harness.engine);
  return { harness, metrics };
}

/** The samples by their name and labels, buckets left out. */
async function samples(metrics: Metrics): Promise<Record<string, number>> {
  const lines = (await metrics.own()).split('\n').filter((line) => /^[a-z]/.test(line));
  const pairs = lines.map((line) => /^(.+) (\S+)$/.exec(line)?.slice(1) ?? []);
  return Object.fromEntries(
    pairs
      .filter(([name = '']) => !name.includes('_bucket'))
      .map(([name, value]) => [name, Number(value)]),
  );
}

async function answer(harness: EngineHarness): Promise<void> {
  harness.world.take('call').answer({});
  await quiet();
}

describe('the metrics of a node', () => {
  it('count runs, attempts, errors and the time they took', async () => {
    const { harness, metrics } = await openStage();
    await harness.deploy(LOOK);
    await harness.start('look');
    await harness.clock.advance(2_000);
    harness.world.take('call').fail({ class: 'transient', code: 'x', message: 'busy' });
    await quiet();
    await harness.clock.advance(10_000);
    await answer(harness);
    await answer(harness);
    harness.world.take('call').fail({ class: 'rejected', code: 'x', message: 'no' });
    await quiet();
    expect(await samples(metrics)).toMatchObject({
      'tutti_runs_started_total{workflow="look"}': 1,
      'tutti_runs_ended_total{workflow="look",end="failed"}': 1,
      'tutti_run_duration_seconds_sum{workflow="look"}': 12,
      'tutti_run_duration_seconds_count{workflow="look"}': 1,
      'tutti_runs_in_memory{workflow="look"}': 0,
      'tutti_attempts_ended_total{action="world.look",end="retried"}': 1,
      'tutti_attempts_ended_total{action="world.look",end="succeeded"}': 1,
      'tutti_attempts_ended_total{action="world.touch",end="succeeded"}': 1,
      'tutti_attempts_ended_total{action="world.touch",end="failed"}': 1,
      'tutti_attempt_duration_seconds_sum{action="world.look"}': 2,
      'tutti_attempt_duration_seconds_count{action="world.look"}': 2,
      'tutti_attempt_queue_seconds_count{action="world.touch"}': 2,
      'tutti_attempt_errors_total{workflow="look",action="world.look",class="transient"}': 1,
      'tutti_attempt_errors_total{workflow="look",action="world.touch",class="rejected"}': 1,
    });
    expect(await metrics.own()).toContain(
      'tutti_attempt_duration_seconds_bucket{action="world.look",le="1"} 1\n' +
        'tutti_attempt_duration_seconds_bucket{action="world.look",le="5"} 2\n',
    );
  });

  it('say what is under way, what waits, and for how long it waited', async () => {
    const { harness, metrics } = await openStage();
    await harness.deploy(LOOK);
    for (let i = 0; i < 5; i++) await harness.start('look');
    expect(await samples(metrics)).toMatchObject({
      'tutti_runs_in_memory{workflow="look"}': 5,
      tutti_runs_in_memory_limit: 10_000,
      'tutti_lane_attempts{lane="world"}': 2,
      'tutti_lane_limit{lane="world"}': 4,
      'tutti_lane_overdue{lane="world"}': 0,
      'tutti_pool_slots_used{pool="look/desk"}': 2,
      'tutti_pool_slots{pool="look/desk"}': 2,
    });
    await harness.clock.advance(3_000);
    await answer(harness);
    const seen = await samples(metrics);
    expect(seen['tutti_attempt_queue_seconds_sum{action="world.look"}']).toBe(3);
    expect(seen['tutti_attempt_queue_seconds_count{action="world.look"}']).toBe(3);
  });

  it('show the engine: batches, lease, wake-ups, stalls', async () => {
    const { harness, metrics } = await openStage();
    await harness.deploy('workflow: nap\ntasks:\n  rest:\n    wait: { for: 1h }\n');
    await harness.start('nap');
    await harness.clock.advance(1_000);
    const asleep = await samples(metrics);
    expect(asleep).toMatchObject({
      tutti_batch_events_count: 1,
      tutti_batch_events_sum: 2,
      tutti_batch_runs_sum: 1,
      tutti_unwritten_events: 0,
      tutti_lease_age_seconds: 1,
      tutti_lease_duration_seconds: 5,
      tutti_lease_renewals_total: 1,
      tutti_stalled: 0,
      tutti_database_stalled: 0,
      'tutti_build_info{version="1.2.3"}': 1,
    });
    await harness.clock.advance(3_600_000);
    const woken = await samples(metrics);
    expect(woken).toMatchObject({
      tutti_wake_lateness_seconds_count: 1,
      tutti_wake_lateness_seconds_sum: 0,
      'tutti_attempts_ended_total{action="wait",end="succeeded"}': 1,
      'tutti_run_duration_seconds_sum{workflow="nap"}': 3_600,
    });
    await harness.engine.stop();
    expect((await samples(metrics))['tutti_stalled']).toBe(1);
  });

  it('count the notifications that arrive, and the runs that are taken over', async () => {
    const { harness } = await openStage();
    await harness.deploy(LOOK);
    await harness.start('look');
    const stopped = harness.engine.stop();
    await harness.clock.advance(10_000);
    await stopped;
    const metrics = new Metrics({ version: '1', now: () => harness.clock.now() });
    await EngineHarness.open({ beside: harness, nodeName: 'node-b', observer: metrics.counts });
    const third = await EngineHarness.open({ beside: harness, nodeName: 'node-c' });
    await third.deploy('workflow: new\ntasks:\n  t: { action: world.look }\n');
    await quiet();
    expect(await samples(metrics)).toMatchObject({
      tutti_runs_claimed_total: 1,
      'tutti_notifications_total{about="deployed"}': 1,
    });
  });

  it('count what failed and was continued, by what it was', async () => {
    const { metrics } = await openStage();
    expect(await metrics.own()).toContain('tutti_nodes_fenced_total 0');
    for (let i = 0; i < 2; i++) metrics.counts.troubled('renewing the lease');
    metrics.counts.noted({ is: 'fenced', nodes: 3 });
    expect(await samples(metrics)).toMatchObject({
      'tutti_engine_troubles_total{what="renewing the lease"}': 2,
      tutti_nodes_fenced_total: 3,
    });
  });

  it('count workflows beyond the most together', async () => {
    const { harness, metrics } = await openStage(2);
    for (const name of ['a', 'b', 'c', 'd']) {
      await harness.deploy(`workflow: ${name}\ntasks:\n  t: { action: world.look, with: {} }\n`);
      await harness.start(name);
    }
    expect(await samples(metrics)).toMatchObject({
      'tutti_runs_started_total{workflow="a"}': 1,
      'tutti_runs_started_total{workflow="b"}': 1,
      [`tutti_runs_started_total{workflow="${OTHER}"}`]: 2,
      [`tutti_runs_in_memory{workflow="${OTHER}"}`]: 2,
    });
    expect(await metrics.own()).not.toContain('workflow="c"');
  });

  it('have buckets that hold their own bound', () => {
    const tally = new Tally([1, 2]);
    for (const value of [1, 1.5, 2, 3]) tally.add(value);
    expect(tally.cumulative()).toEqual([
      [1, 1],
      [2, 3],
      ['+Inf', 4],
    ]);
  });

  it('have names, units and words as Prometheus wants them', () => {
    const names = METRICS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, type, help, labels } of METRICS) {
      expect(name).toMatch(/^tutti_[a-z_]+[a-z]$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(/seconds/i.test(help)).toBe(name.endsWith('_seconds'));
      expect(help).toMatch(/[.]$/);
      expect(labels).not.toContain('run');
    }
  });
});
