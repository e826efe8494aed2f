/**
 * Several nodes on one journal: runs spread by claim, a command to any node reaches the owner, and
 * what a dead or hung node had goes on elsewhere. Here nodes are killed, stopped and continued as
 * processes are.
 */
import { describe, expect, it } from 'vitest';
import { quiet } from '../simulation/clock.ts';
import type { MemoryJournal } from '../../journal/memory/journal.ts';
import { by, EngineHarness } from '../simulation/engine-harness.ts';

const CHAIN = `
workflow: chain
tasks:
  a: { action: world.look }
  b: { action: world.look, needs: [a] }
`;
const SLEEPER = `
workflow: sleeper
tasks:
  nap: { wait: 1h }
  work: { action: world.look, needs: [nap] }
`;
const WORK = '{workflow: work, tasks: {a: {action: world.work}}}';
const PARENT = `
workflow: parent
tasks:
  child: { workflow: chain }
  after: { action: world.look, needs: [child] }
`;

/** A lease is 5 s; what is left of it, and the moment after it. */
const LEASE_MS = 5_000;
const SOON_MS = 3_000;

async function pair(...workflows: string[]): Promise<[EngineHarness, EngineHarness]> {
  const a = await EngineHarness.open({ nodeName: 'node-a' });
  for (const workflow of workflows) await a.deploy(workflow);
  const b = await EngineHarness.open({ nodeName: 'node-b', beside: a });
  await quiet();
  return [a, b];
}

function answerAll(...stages: EngineHarness[]): void {
  for (const harness of stages)
    harness.world.standing.set('call', (question) => question.answer({}));
}

describe('take-over', () => {
  it('goes on with the runs of a dead node at the end of its lease, and not before', async () => {
    const [a, b] = await pair(CHAIN);
    const run = await a.start('chain');
    a.process.kill();
    await b.clock.advance(LEASE_MS - 2_000);
    expect(b.world.count('call')).toBe(0);
    await b.clock.advance(2_000 + SOON_MS);
    expect(b.world.count('call')).toBe(1);
    answerAll(b);
    b.world.take('call').answer({});
    await quiet();
    expect((await b.view(run)).status).toBe('succeeded');
  });

  it('waits after an outage: who finds the journal first does not fence those who are a moment later', async () => {
    const [a, b] = await pair(CHAIN);
    const run = await a.start('chain');
    const away = new Set([0, 1]);
    const renew = b.journal.renew.bind(b.journal);
    b.journal.renew = async (lease, leaseMs) => {
      if (away.has(lease.node)) throw new Error('the journal is away');
      return renew(lease, leaseMs);
    };
    await b.clock.advance(4 * LEASE_MS);
    away.delete(1);
    await b.clock.advance(9_000);
    expect(b.journal.calls.get('renew')).toBeGreaterThan(0);
    expect(b.journal.rows.get(run)?.owner).toBe(0);
    // It comes back in time, and is the node that it was.
    away.delete(0);
    await b.clock.advance(4 * LEASE_MS);
    expect(b.journal.rows.get(run)?.owner).toBe(0);
    expect(b.world.count('call')).toBe(0);
    a.process.kill();
    await b.clock.advance(LEASE_MS + SOON_MS);
    expect(b.journal.rows.get(run)?.owner).toBe(1);
  });

  it('spreads the runs over the nodes that live', async () => {
    const [a, b] = await pair(CHAIN);
    const c = await EngineHarness.open({ nodeName: 'node-c', beside: a, mostRuns: 30 });
    const claim = a.journal.claim.bind(a.journal);
    a.journal.claim = async (...given) => {
      await quiet(1);
      return claim(...given);
    };
    for (let i = 0; i < 700; i++)
      void a.engine.door.commands.start({ workflow: 'chain', inputs: {}, by });
    await quiet();
    a.process.kill();
    await b.clock.advance(LEASE_MS + SOON_MS);
    const runs = [b, c].map((harness) => harness.engine.gauges().runs);
    expect((runs[0] ?? 0) + (runs[1] ?? 0)).toBe(700);
    expect(runs[1]).toBeGreaterThan(0);
    expect(runs[1]).toBeLessThanOrEqual(30);
  });

  it('fences a node that hung: when it goes on it writes nothing and says why', async () => {
    const [a, b] = await pair(CHAIN);
    const run = await a.start('chain');
    a.process.stop();
    await b.clock.advance(LEASE_MS + SOON_MS);
    const written = a.journal.batches.length;
    a.process.continue();
    a.world.take('call').answer({ from: 'the past' });
    await quiet();
    expect((await a.engine.fenced).code).toBe('node.fenced');
    expect(a.journal.batches.length).toBe(written);
    expect(a.types(run)).toEqual(['RunStarted']);
    await expect(
      a.engine.door.commands.start({ workflow: 'chain', inputs: {}, by }),
    ).rejects.toMatchObject({
      code: 'node.fenced',
    });
    answerAll(b);
    b.world.take('call').answer({});
    await quiet();
    expect((await b.view(run)).status).toBe('succeeded');
  });

  it('submits nothing twice: the new owner asks for the job of the old one', async () => {
    const [a, b] = await pair(WORK);
    await a.start('work');
    a.world.take('submit').answer('job-1');
    await quiet();
    a.process.kill();
    await b.clock.advance(LEASE_MS + SOON_MS);
    expect(b.world.count('submit')).toBe(0);
    expect(b.world.count('follow')).toBe(1);
  });

  it('tells a connector when the attempt began at another place', async () => {
    const [a, b] = await pair('{workflow: touch, tasks: {a: {action: world.touch}}}');
    const c = await EngineHarness.open({
      nodeName: 'node-c',
      beside: a,
      stateDirectoryId: 'node-a',
      mostRuns: 100,
    });
    const run = await a.start('touch');
    a.process.kill();
    b.process.kill();
    await c.clock.advance(LEASE_MS + SOON_MS);
    // It has the dead node's state directory: what is not there is nowhere.
    expect(c.world.take('locate').context.elsewhere).toBe(false);
    const d = await EngineHarness.open({ nodeName: 'node-d', beside: a });
    c.process.kill();
    await d.clock.advance(LEASE_MS + SOON_MS);
    const question = d.world.take('locate');
    expect(question.context.elsewhere).toBe(true);
    question.answer('cannot-tell');
    await quiet();
    expect((await d.task(run, 'a')).status).toBe('unknown');
    expect(d.world.count('call')).toBe(0);
  });

  it('wakes what a dead node had put to sleep, and asks nothing until then', async () => {
    const [a, b] = await pair(SLEEPER);
    const run = await a.start('sleeper');
    a.process.kill();
    await b.clock.advance(LEASE_MS + SOON_MS);
    expect(b.engine.gauges().runs).toBe(0);
    const before = new Map(b.journal.calls);
    await b.clock.advance(50 * 60_000);
    for (const counted of [before, b.journal.calls]) counted.delete('renew');
    expect(b.journal.calls).toEqual(before);
    answerAll(b);
    await b.clock.advance(10 * 60_000);
    expect((await b.view(run)).status).toBe('succeeded');
  });

  it('happens at once when a node stops by itself', async () => {
    const [a, b] = await pair(CHAIN);
    const run = await a.start('chain');
    const stopping = a.engine.stop();
    await quiet();
    await expect(
      a.engine.door.commands.start({ workflow: 'chain', inputs: {}, by }),
    ).rejects.toMatchObject({
      code: 'node.stopping',
    });
    a.world.take('call').answer({});
    await stopping;
    await quiet();
    expect(b.world.count('call')).toBe(1);
    b.world.take('call').answer({});
    await quiet();
    expect((await b.view(run)).status).toBe('succeeded');
  });
});

describe('a command to any node', () => {
  it('reaches the owner, once', async () => {
    const [a, b] = await pair(CHAIN);
    const run = await a.start('chain');
    expect((await b.submit({ type: 'HoldRun', run, by })).refused).toBe(false);
    expect(b.sent).toBe(1);
    expect(a.types(run)).toEqual(['RunStarted', 'RunHeld']);
    const again = await b.submit({
      type: 'DecideApproval',
      run,
      task: 'a',
      decision: 'approve',
      by,
    });
    expect(again.refused && again.code).toBe('task.wrong-status');
  });

  it('waits while the owner is dying, and is carried out by its heir', async () => {
    const [a, b] = await pair(CHAIN);
    const run = await a.start('chain');
    a.process.kill();
    const answer = b.engine.door.commands.submit({ type: 'CancelRun', run, by });
    await b.clock.advance(LEASE_MS + SOON_MS);
    expect((await answer).refused).toBe(false);
    expect(b.sent).toBe(0);
    expect((await b.view(run)).status).toBe('cancelled');
  });

  it('is told that nothing was done when nobody takes over', async () => {
    const [a, b] = await pair(CHAIN);
    const run = await a.start('chain');
    const renew = a.journal.renew.bind(a.journal);
    a.process.kill();
    // The lease of the dead one is kept by somebody who is not there for anyone.
    const lease = { node: 0, epoch: 1 };
    a.journal.renew = async (mine, ms) => {
      await renew(lease, ms);
      return renew(mine, ms);
    };
    const answer = b.engine.door.commands
      .submit({ type: 'CancelRun', run, by })
      .catch((error) => error);
    await b.clock.advance(15_000);
    expect(await answer).toMatchObject({ code: 'node.unreachable' });
  });

  it('is not sent again when its answer is lost', async () => {
    const [a, b] = await pair(CHAIN);
    const run = await a.start('chain');
    b.loseAnswers = true;
    const cancel = b.engine.door.commands.submit({ type: 'CancelRun', run, by });
    await expect(cancel).rejects.toMatchObject({ code: 'command.unanswered' });
    expect(b.sent).toBe(1);
    expect(a.types(run).filter((type) => type === 'RunCancelRequested')).toHaveLength(1);
  });

  it('wakes a run that sleeps on another node, there', async () => {
    const [a, b] = await pair(SLEEPER);
    const run = await a.start('sleeper');
    await b.submit({ type: 'CancelRun', run, by });
    expect((await b.view(run)).status).toBe('cancelled');
    expect(b.sent).toBe(1);
    expect(b.engine.gauges().runs).toBe(0);
  });

  it('is answered by what the owner knows: what runs right now', async () => {
    const [a, b] = await pair(CHAIN);
    const run = await a.start('chain');
    expect((await b.task(run, 'a')).status).toBe((await a.task(run, 'a')).status);
    expect(b.sent).toBeGreaterThan(0);
    a.process.kill();
    // The owner cannot be asked: the journal can.
    expect((await b.view(run)).status).toBe('running');
  });
});

describe('news of a run of another node', () => {
  it('comes by a notification', async () => {
    const [a, b] = await pair(CHAIN);
    const run = await a.start('chain');
    let heard = false;
    void b.engine.door.runs.changed(run, 0, new AbortController().signal).finally(() => {
      heard = true;
    });
    await quiet();
    expect(heard).toBe(false);
    a.world.take('call').answer({});
    await quiet();
    expect(heard).toBe(true);
  });
});

describe('a start for which there is no room', () => {
  it('is nobody’s until a node with room claims it', async () => {
    const a = await EngineHarness.open({ nodeName: 'node-a', mostRuns: 2 });
    await a.deploy(CHAIN.replace('workflow: chain', 'workflow: chain'));
    const runs: string[] = [];
    for (let i = 0; i < 5; i++) runs.push(await a.start('chain'));
    expect(a.engine.gauges().runs).toBe(2);
    const b = await EngineHarness.open({ nodeName: 'node-b', beside: a });
    await quiet();
    expect(b.engine.gauges().runs).toBe(3);
    answerAll(a, b);
    for (const harness of [a, b]) {
      while (harness.world.count('call') > 0) harness.world.take('call').answer({});
    }
    await quiet(60);
    for (const run of runs) expect((await b.view(run)).status).toBe('succeeded');
  });

  it('notifies the others', async () => {
    const [b, a] = await pair(CHAIN);
    const small = await EngineHarness.open({ nodeName: 'node-c', beside: a, mostRuns: 1 });
    await small.start('chain');
    await small.start('chain');
    expect(small.engine.gauges().runs).toBe(1);
    expect(a.engine.gauges().runs + b.engine.gauges().runs).toBe(1);
  });
});

/** node-c claims the child, then node-b the parent; later claims are as they are. */
function claimEachOne(journal: MemoryJournal, parent: string, child: string): void {
  const claim = journal.claim.bind(journal);
  let childIsTaken: () => void = () => {};
  const childTaken = new Promise<void>((resolve) => {
    childIsTaken = resolve;
  });
  const left = new Map([
    [1, parent],
    [2, child],
  ]);
  journal.claim = async (lease, now, limit) => {
    const run = left.get(lease.node);
    if (run === undefined) return left.size > 0 ? NOTHING : claim(lease, now, limit);
    if (run === parent) await childTaken;
    const free = (await journal.claimRun(lease, run)) === 'mine';
    if (!free || !left.delete(lease.node)) return NOTHING;
    if (run === child) childIsTaken();
    return { runs: [run], nextAt: null };
  };
}
const NOTHING = { runs: [], nextAt: null };

describe('parent and child on different nodes', () => {
  /** The parent of node-a's family on one node, the child on the other. */
  async function apart() {
    const [a, b] = await pair(CHAIN, PARENT);
    const parent = await a.start('parent');
    const child = (await a.task(parent, 'child')).child ?? '';
    const c = await EngineHarness.open({ nodeName: 'node-c', beside: a });
    await quiet();
    claimEachOne(a.journal, parent, child);
    a.process.kill();
    await b.clock.advance(LEASE_MS + SOON_MS);
    const owner = (run: string) => a.journal.rows.get(run)?.owner;
    expect(owner(parent)).not.toBe(owner(child));
    const [ofParent, ofChild] = owner(parent) === 1 ? [b, c] : [c, b];
    return { parent, child, ofParent, ofChild };
  }

  it('the end of the child reaches its parent’s task', async () => {
    const { parent, ofParent, ofChild } = await apart();
    answerAll(ofParent, ofChild);
    ofChild.world.take('call').answer({});
    await quiet(60);
    expect((await ofParent.view(parent)).status).toBe('succeeded');
  });

  it('also when the parent’s node is away at that moment', async () => {
    const { parent, child, ofParent, ofChild } = await apart();
    answerAll(ofChild);
    ofParent.process.kill();
    ofChild.world.take('call').answer({});
    await quiet(60);
    expect((await ofChild.view(child)).status).toBe('succeeded');
    expect((await ofChild.view(parent)).status).toBe('running');
    await ofChild.clock.advance(LEASE_MS + SOON_MS);
    expect((await ofChild.view(parent)).status).toBe('succeeded');
  });

  it('also when the child’s node dies first', async () => {
    const { parent, ofParent, ofChild } = await apart();
    answerAll(ofParent);
    ofChild.process.kill();
    await ofParent.clock.advance(LEASE_MS + SOON_MS);
    expect((await ofParent.view(parent)).status).toBe('succeeded');
  });

  it('a child without a node follows its parent, though memory is full', async () => {
    const a = await EngineHarness.open({ nodeName: 'node-a' });
    for (const workflow of [CHAIN, PARENT]) await a.deploy(workflow);
    const parents = [await a.start('parent'), await a.start('parent')];
    const b = await EngineHarness.open({ nodeName: 'node-b', beside: a, mostRuns: 2 });
    answerAll(b);
    const claim = a.journal.claim.bind(a.journal);
    a.journal.claim = async (lease, now, limit) => {
      const { runs, nextAt } = await claim(lease, now, 10);
      const late = runs.filter((run) => !parents.includes(run));
      // As if others of that node's runs had been first: parents hold all the room there is.
      for (const run of late) Object.assign(a.journal.rows.get(run) ?? {}, { owner: 0 });
      return { runs: runs.filter((run) => parents.includes(run)).slice(0, limit), nextAt };
    };
    a.process.kill();
    await b.clock.advance(LEASE_MS + SOON_MS);
    for (const run of parents) expect((await b.view(run)).status).toBe('succeeded');
  });

  it('the cancellation of the parent reaches the child, whoever dies in between', async () => {
    const { parent, child, ofParent, ofChild } = await apart();
    ofChild.process.kill();
    const cancelled = ofParent.engine.door.commands.submit({ type: 'CancelRun', run: parent, by });
    await ofParent.clock.advance(LEASE_MS + SOON_MS);
    expect((await cancelled).refused).toBe(false);
    await quiet(60);
    expect((await ofParent.view(child)).status).toBe('cancelled');
    expect((await ofParent.view(parent)).status).toBe('cancelled');
  });
});

describe('a deployment', () => {
  it('is known to the other nodes', async () => {
    const [a, b] = await pair(CHAIN);
    await b.start('chain');
    await a.deploy(CHAIN.replace('a: {', 'z: { action: world.look }\n  a: {'));
    await quiet();
    const run = await b.start('chain');
    expect((await b.view(run)).version).toBe(2);
  });
});
