/**
 * The test of several nodes: three `tutti serve` on one PostgreSQL, runs started at any of them,
 * each node struck again and again at random moments.
 *
 *   start → rounds of { runs are started ‖ one node is killed, or stands still past its lease } →
 *   all runs end → audit → stop
 *
 * A node that is killed comes back at once (and takes its runs up again) or only when the others
 * have taken them over; a node that stood still is fenced and ends by itself. The effects, the
 * ledger of promises and the audit are those of the kill test.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { connectionUrl } from '../../cli/compose.ts';
import { openTestbed, type Testbed } from '../../journal/testbed.ts';
import { Audit, type Findings } from '../chaos/audit.ts';
import { Chance } from '../chaos/chance.ts';
import { inParallel } from '../chaos/drain.ts';
import { EffectsServer } from '../chaos/effects-server.ts';
import { bookings, deployAll } from '../chaos/experiment.ts';
import { moment } from '../chaos/house.ts';
import { PromiseLedger } from '../chaos/ledger.ts';
import { type LoadParts, startRun } from '../chaos/load.ts';
import { systemsFile } from '../chaos/workflows.ts';
import { AnyNode, Node } from './fleet.ts';
import { Takeovers } from './takeovers.ts';

export interface Plan {
  readonly runs: number;
  /** Of each node. */
  readonly faults: number;
  readonly seed: number;
  readonly leaseMs: number;
  readonly progress: (sentence: string) => void;
}

export const BLOWS = ['back at once', 'taken over', 'stood still'] as const;
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
/** Mostly light runs, some with many requests; scripts have the kill test. */
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
    const house = {
      folder,
      databaseUrl: connectionUrl(database),
      systems: systemsFile(service.url, connectionUrl(effects)),
      leaseMs: plan.leaseMs,
    };
    const nodes = NODES.map((name) => new Node(name, connection, house));
    const client = await bed.client(database);
    const parts = { connection, promises: new PromiseLedger(), file: join(folder, 'none') };
    const takeovers = new Takeovers(client);
    const blows = { 'back at once': 0, 'taken over': 0, 'stood still': 0 };
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
  const broken: string[] = [];
  const blows = shuffled(
    chance,
    nodes.flatMap((node) => Array.from({ length: plan.faults }, () => node)),
  );
  const share = Math.ceil(plan.runs / Math.max(1, blows.length));
  for (const [at, node] of blows.entries()) {
    const started = startMany(parts, chance, Math.min(share, plan.runs - at * share));
    await moment(chance.below(LATEST_BLOW_MS));
    const blow = chance.pick(BLOWS);
    stage.blows[blow] += 1;
    const fault = await strike(stage, node, blow);
    if (fault !== null) broken.push(fault);
    await started;
    plan.progress(`blow ${at + 1} of ${blows.length}: ${node.name}, ${blow}`);
  }
  plan.progress('the last blow is over: all runs come to their ends');
  broken.push(...(await stage.takeovers.allEnded()));
  plan.progress('the audit begins');
  const book = await bookings(new pg.Client(effects));
  const seen = { script: new Map<string, number>(), post: stage.service.counts, book };
  const findings = await new Audit(parts, seen).findings();
  for (const node of nodes) {
    const stopped = await node.stop();
    if (stopped !== null) broken.push(stopped);
  }
  return { ...findings, broken: [...broken, ...findings.broken, ...parts.connection.surprises] };
}

/** Resolves when the node stands again; the sentence says what it should not have done. */
async function strike({ takeovers }: Stage, node: Node, blow: Blow): Promise<string | null> {
  const lost = await takeovers.before(node.name);
  switch (blow) {
    case 'back at once':
      await node.kill();
      break;
    case 'taken over':
      await node.kill();
      await takeovers.after(lost);
      break;
    case 'stood still': {
      node.hang();
      await takeovers.after(lost);
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
