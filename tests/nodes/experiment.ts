/**
 * The test of several nodes: three `tutti serve` on one PostgreSQL, runs started at any of them,
 * each node struck again and again at random moments.
 *
 *   start → rounds of { runs are started ‖ players play ‖ one node is struck } →
 *   all runs end → audit → stop
 *
 * A node that is killed comes back at once (and takes its runs up again) or only when the others
 * have taken them over; a node that stood still is fenced and ends by itself; one that is drained
 * gives its runs to the others. The players (who hold, skip, approve and cancel at any node), the
 * effects, the ledger of promises and the audit are those of the kill test. The nodes share one
 * state directory, as nodes of one machine may: jobs of the shell are followed by whoever has them.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { connectionUrl } from '../../journal/connection-string.ts';
import { openTestbed, type Testbed } from '../../journal/testbed.ts';
import { Audit, type Findings } from '../chaos/audit.ts';
import { Chance } from '../chaos/chance.ts';
import { drain, inParallel } from '../chaos/drain.ts';
import { EffectsServer } from '../chaos/effects-server.ts';
import { bookings, deployAll, scriptEffects } from '../chaos/experiment.ts';
import { moment } from '../chaos/killed-server.ts';
import { PromiseLedger } from '../chaos/ledger.ts';
import { type LoadParts, Player, startRun } from '../chaos/load.ts';
import { systemsFile } from '../chaos/workflows.ts';
import { AnyNode, Node } from './fleet.ts';
import { Takeovers } from './takeovers.ts';

export interface Plan {
  readonly runs: number;
  /** Of each node. */
  readonly faults: number;
  readonly seed: number;
  readonly leaseMs: number;
  readonly players: number;
  readonly progress: (sentence: string) => void;
}

/** By SIGKILL and SIGSTOP. */
const FAULTS = ['back at once', 'taken over', 'stood still'] as const;
/** Between them a node is drained now and then, as in a rolling restart. */
const DRAINS = 0.25;
export const BLOWS = [...FAULTS, 'drained'] as const;
export type Blow = (typeof BLOWS)[number];

export interface Report extends Findings {
  readonly blows: Readonly<Record<Blow, number>>;
  readonly started: number;
  readonly unanswered: number;
  /** From the end of the dead node's lease until its runs went on, one figure per run. */
  readonly takeoversMs: readonly number[];
  readonly folder: string;
}

interface Stage {
  readonly parts: LoadParts & { readonly connection: AnyNode };
  readonly nodes: readonly Node[];
  readonly bed: Testbed;
  readonly client: pg.Client;
  readonly takeovers: Takeovers;
  readonly service: EffectsServer;
  readonly folder: string;
  readonly blows: Record<Blow, number>;
}

const NODES = ['bass', 'cello', 'viola'];
/** Mostly light runs, some with many requests; the players bring the others. */
const MIX = ['fans', 'fans', 'fans', 'requests'];
const LATEST_BLOW_MS = 800;

export async function experiment(plan: Plan): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-nodes-'));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'state'));
  const chance = new Chance(plan.seed);
  const service = await EffectsServer.start(chance.fork());
  const bed = await openTestbed();
  try {
    const [database, effects] = [await bed.database(), await bed.database()];
    const connection = new AnyNode();
    const shared = {
      folder,
      databaseUrl: connectionUrl(database),
      systems: systemsFile(service.url, connectionUrl(effects)),
      leaseMs: plan.leaseMs,
    };
    const nodes = NODES.map((name) => new Node(name, connection, shared));
    const client = await bed.client(database);
    const parts = { connection, promises: new PromiseLedger(), file: join(folder, 'effects') };
    writeFileSync(parts.file, '');
    const takeovers = new Takeovers(client);
    const blows = { 'back at once': 0, 'taken over': 0, 'stood still': 0, drained: 0 };
    const stage = { parts, nodes, bed, client, takeovers, service, folder, blows };
    try {
      const findings = await conduct(plan, chance, stage, effects);
      if (findings.broken.length === 0) rmSync(folder, { recursive: true, force: true });
      return reportOf(stage, findings);
    } finally {
      for (const node of nodes) node.abandon();
    }
  } finally {
    await bed.close();
    await service.stop();
  }
}

async function conduct(
  plan: Plan,
  chance: Chance,
  stage: Stage,
  effects: pg.ClientConfig,
): Promise<Findings> {
  const { parts, nodes } = stage;
  for (const node of nodes) await node.start();
  await deployAll(parts);
  let over = false;
  const players = Array.from({ length: plan.players }, () =>
    new Player(parts, chance.fork(), () => over).play(),
  );
  // A player that fails ends the experiment at once, not at its end.
  const playing = Promise.all(players);
  const broken: string[] = [];
  await Promise.race([playing, rounds(plan, chance, stage, broken)]);
  over = true;
  plan.progress('the last blow is over: all runs come to their ends');
  await playing;
  broken.push(...(await drain(parts)), ...(await stage.takeovers.allEnded()));
  plan.progress('the audit begins');
  const book = await bookings(new pg.Client(effects));
  const seen = { script: scriptEffects(parts), post: stage.service.counts, book };
  const findings = await new Audit(parts, seen).findings();
  for (const node of nodes) {
    const stopped = await node.stop();
    if (stopped !== null) broken.push(stopped);
  }
  return { ...findings, broken: [...broken, ...findings.broken, ...parts.connection.surprises] };
}

async function rounds(plan: Plan, chance: Chance, stage: Stage, broken: string[]): Promise<void> {
  const { parts, nodes } = stage;
  const blows = shuffled(
    chance,
    nodes.flatMap((node) => Array.from({ length: plan.faults }, () => node)),
  );
  const share = Math.ceil(plan.runs / Math.max(1, blows.length));
  for (const [at, node] of blows.entries()) {
    const started = startMany(parts, chance, Math.min(share, plan.runs - at * share));
    await moment(chance.below(LATEST_BLOW_MS));
    const blow = chance.pick(FAULTS);
    for (const each of chance.happens(DRAINS) ? (['drained', blow] as const) : [blow]) {
      stage.blows[each] += 1;
      const fault = await strike(stage, node, each);
      if (fault !== null) broken.push(fault);
    }
    await started;
    plan.progress(`blow ${at + 1} of ${blows.length}: ${node.name}, ${blow}`);
  }
}

/** Resolves when the node stands again; the sentence says what it should not have done. */
async function strike({ takeovers }: Stage, node: Node, blow: Blow): Promise<string | null> {
  switch (blow) {
    case 'back at once':
      await node.kill();
      break;
    case 'taken over':
      await node.kill();
      await takeovers.after(node.name);
      break;
    case 'drained': {
      const stopped = await node.stop();
      if (stopped !== null) return stopped;
      break;
    }
    case 'stood still': {
      node.hang();
      await takeovers.after(node.name);
      const words = await node.goOn();
      if (!words.includes('lease')) return `${node.name} was fenced and said: ${words}`;
    }
  }
  await node.start();
  return null;
}

async function startMany(parts: LoadParts, chance: Chance, count: number): Promise<void> {
  const workflows = Array.from({ length: Math.max(0, count) }, () => chance.pick(MIX));
  const inputs = { file: parts.file, pause: '0', lines: 2 };
  await inParallel(workflows, async (workflow) => {
    await startRun(parts, workflow, inputs);
  });
}

function shuffled<T>(chance: Chance, list: readonly T[]): T[] {
  const rest = [...list];
  return list.map(() => rest.splice(chance.below(rest.length), 1)[0] as T);
}

function reportOf({ parts, blows, takeovers, folder }: Stage, findings: Findings): Report {
  const { starts, lost } = parts.promises;
  return {
    ...findings,
    blows,
    started: starts.length,
    unanswered: lost,
    takeoversMs: takeovers.figuresMs,
    folder,
  };
}
