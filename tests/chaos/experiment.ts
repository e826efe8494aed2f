/**
 * The kill test, put together. One data folder lives through all rounds, under load all the time:
 *
 *   start → { load ‖ rounds of kill and recovery } → load stops → drain → audit → stop
 *
 * A round is one kill (of the node, of PostgreSQL's postmaster, of both) at a random moment and
 * the recovery from it.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { SUPERUSER } from '../../journal/embedded/cluster.ts';
import { passwordOf } from '../../journal/embedded/password.ts';
import { findClusterPaths } from '../../journal/embedded/cluster-paths.ts';
import { eventBatchSchema } from '../../protocol/events.ts';
import { RUN_IS_OVER } from '../../model/run.ts';
import { deployedSchema } from '../../protocol/workflows.ts';
import { Audit, type Effects, type Findings } from './audit.ts';
import { Chance } from './chance.ts';
import { Connection } from './connection.ts';
import { drain } from './drain.ts';
import { EffectsServer } from './effects-server.ts';
import { KilledServer, type Kill, KILLS, moment } from './killed-server.ts';
import { PromiseLedger } from './ledger.ts';
import { type LoadParts, Player, startRun } from './load.ts';
import { processesOf } from './processes.ts';
import { MADE_ONCE, PROBE, systemsFile, workflowFiles } from './workflows.ts';

export interface Plan {
  readonly rounds: number;
  readonly seed: number;
  readonly kills: readonly Kill[];
  readonly players: number;
  /** Told after each round. */
  readonly progress: (sentence: string) => void;
}

export interface Report extends Findings {
  readonly kills: Readonly<Record<Kill, number>>;
  readonly started: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly unanswered: number;
  readonly recoveriesMs: readonly number[];
  readonly leftovers: number;
  readonly folder: string;
}

const LATEST_KILL_MS = 1_200;
const INTRUDER_EVERY = 20;

export async function experiment(plan: Plan): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-chaos-'));
  const chance = new Chance(plan.seed);
  const service = await EffectsServer.start(chance.fork());
  // Started by root, PostgreSQL runs as another user: it has to get to the data folder.
  chmodSync(folder, 0o755);
  const data = join(folder, 'data');
  mkdirSync(data);
  writeFileSync(join(data, 'systems.yaml'), systemsFile(service.url));
  const connection = new Connection();
  const server = new KilledServer(data, connection, chance.fork());
  const parts: LoadParts = {
    connection,
    promises: new PromiseLedger(),
    file: join(folder, 'effects.txt'),
  };
  writeFileSync(parts.file, '');
  try {
    const report = await conduct(plan, chance, { parts, server, service, folder });
    // What went wrong is kept to be looked at.
    if (report.broken.length === 0) rmSync(folder, { recursive: true, force: true });
    return report;
  } finally {
    server.abandon();
    await service.stop();
  }
}

interface Stage {
  readonly parts: LoadParts;
  readonly server: KilledServer;
  readonly service: EffectsServer;
  readonly folder: string;
}

async function conduct(plan: Plan, chance: Chance, stage: Stage): Promise<Report> {
  const { parts, server } = stage;
  const broken: string[] = [];
  await server.listening();
  await deployAll(parts);
  let over = false;
  const players = Array.from({ length: plan.players }, () =>
    new Player(parts, chance.fork(), () => over).play(),
  );
  // A player that fails ends the experiment at once, not at its end.
  const playing = Promise.all(players);
  await Promise.race([playing, rounds(plan, chance, stage, broken)]);
  over = true;
  await Promise.all([playing, probe(parts)]);
  plan.progress('the last kill is over: the drain begins');
  broken.push(...(await drain(parts)));
  plan.progress('the audit begins');
  const findings = await new Audit(parts, await effectsOf(stage)).findings();
  broken.push(...findings.broken, ...(await close(stage)));
  return reportOf(stage, { ...findings, broken });
}

async function rounds(plan: Plan, chance: Chance, stage: Stage, broken: string[]): Promise<void> {
  const { server, parts } = stage;
  for (let round = 1; round <= plan.rounds; round += 1) {
    await moment(chance.below(LATEST_KILL_MS));
    const kill = chance.pick(plan.kills);
    await server.round(kill, () => probe(parts));
    const tookMs = Math.round(server.recoveriesMs.at(-1) ?? 0);
    plan.progress(`round ${round}: ${kill}, recovered in ${tookMs} ms`);
    if (round % INTRUDER_EVERY !== 1) continue;
    const intrusion = await server.intruder();
    if (intrusion !== null) broken.push(intrusion);
  }
}

/** A new run, acknowledged. */
export async function probe(parts: LoadParts): Promise<void> {
  await startRun(parts, PROBE, {});
}

export async function deployAll(parts: LoadParts): Promise<void> {
  for (const source of workflowFiles()) {
    const answer = await parts.connection.post('/workflows', { source }, deployedSchema);
    if (answer.kind !== 'done')
      throw new Error(`a workflow was not deployed: ${JSON.stringify(answer)}`);
  }
  const { run } = await startRun(parts, MADE_ONCE, {});
  for (let after = -1; ; ) {
    const path = `/runs/${run}/events?after=${after}&wait=30s`;
    const batch = await parts.connection.read(path, eventBatchSchema);
    if (batch !== null && RUN_IS_OVER.has(batch.status)) return;
    after = batch?.next ?? after;
  }
}

async function effectsOf({ parts, server, service }: Stage): Promise<Effects> {
  const host = join(server.folder, 'postgres', 'cluster');
  const password = passwordOf(findClusterPaths(server.folder));
  const client = new pg.Client({ host, user: SUPERUSER, password, database: 'effects' });
  const book = await bookings(client);
  return { script: scriptEffects(parts), post: service.counts, book };
}

export function scriptEffects({ file }: LoadParts): Map<string, number> {
  const effects = new Map<string, number>();
  for (const key of readFileSync(file, 'utf8').split('\n')) {
    if (key !== '') effects.set(key, (effects.get(key) ?? 0) + 1);
  }
  return effects;
}

export async function bookings(client: pg.Client): Promise<Map<string, number>> {
  await client.connect();
  try {
    const text = 'select key, count(*)::int as count from effects group by key';
    const { rows } = await client.query<{ key: string; count: number }>(text);
    return new Map(rows.map(({ key, count }) => [key, count]));
  } finally {
    await client.end();
  }
}

/** The end: one more intruder, a graceful stop, and nobody is left. */
async function close({ server, parts, folder }: Stage): Promise<string[]> {
  const intrusion = await server.intruder();
  const stopped = await server.stop();
  const orphans = processesOf(folder);
  return [
    ...(intrusion === null ? [] : [intrusion]),
    ...(stopped === null ? [] : [stopped]),
    ...orphans.map((orphan) => `a process is left: ${orphan}`),
    ...server.collapses,
    ...parts.connection.surprises,
  ];
}

function reportOf({ parts, server, folder }: Stage, findings: Findings): Report {
  const { starts, commands, refused, lost } = parts.promises;
  return {
    ...findings,
    kills: server.kills,
    started: starts.length,
    acknowledged: starts.length + commands.length,
    refused,
    unanswered: lost,
    recoveriesMs: server.recoveriesMs,
    leftovers: foldersIn(join(server.folder, 'attempts', 'shell')),
    folder,
  };
}

function foldersIn(folder: string): number {
  try {
    return readdirSync(folder).length;
  } catch {
    return 0;
  }
}

export function killsOf(word: string): readonly Kill[] | null {
  if (word === 'all') return KILLS;
  const kill = KILLS.find((one) => one === word);
  return kill === undefined ? null : [kill];
}
