/**
 * The failover test, put together: one `tutti serve` on a pair of PostgreSQL servers, under load
 * all the time, that is never started again.
 *
 *   start → { load ‖ rounds of failover and rebuild } → load stops → drain → audit → stop
 *
 * In a round the primary meets its fate at a random moment, the standby is promoted, and the other
 * server is rebuilt as its standby. The load, the ledger of promises and the audit are those of the
 * kill test.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { healthSchema } from '../../protocol/health.ts';
import { Audit, type Findings } from '../chaos/audit.ts';
import { Chance } from '../chaos/chance.ts';
import { Connection } from '../chaos/connection.ts';
import { drain } from '../chaos/drain.ts';
import { EffectsServer } from '../chaos/effects-server.ts';
import { bookings, deployAll, probe, scriptEffects } from '../chaos/experiment.ts';
import { moment } from '../chaos/killed-server.ts';
import { PromiseLedger } from '../chaos/ledger.ts';
import { type LoadParts, Player } from '../chaos/load.ts';
import { ServeProcess } from '../chaos/serve-process.ts';
import { systemsFile } from '../chaos/workflows.ts';
import { type Fate, FATES, Pair, POLICIES, type Policy } from './pair.ts';
import { holds } from './server.ts';

export interface Plan {
  readonly promotions: number;
  readonly seed: number;
  readonly fates: readonly Fate[];
  readonly players: number;
  /** Told after each round. */
  readonly progress: (sentence: string) => void;
}

export interface Round {
  readonly fate: Fate;
  readonly policy: Policy;
  /** From the stroke of fate until a new run was acknowledged. */
  readonly stallMs: number;
  /** Of that, what came after a server took commits again. */
  readonly ownMs: number;
}

export interface Report extends Findings {
  readonly rounds: readonly Round[];
  readonly started: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly unanswered: number;
  /** What `/readyz` said while it stalled, without times and numbers, and how often. */
  readonly sentences: ReadonlyMap<string, number>;
  readonly folder: string;
}

interface Stage {
  readonly parts: LoadParts;
  readonly pair: Pair;
  readonly serve: ServeProcess;
  readonly service: EffectsServer;
  readonly sentences: Map<string, number>;
  readonly folder: string;
}

const LATEST_STROKE_MS = 1_500;
const LOOK_MS = 100;

export async function experiment(plan: Plan): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-failover-'));
  // Started by root, PostgreSQL runs as another user: it has to get to its folders.
  chmodSync(folder, 0o755);
  const chance = new Chance(plan.seed);
  const service = await EffectsServer.start(chance.fork());
  const pair = await Pair.open(folder, ['tutti', 'effects']);
  const data = join(folder, 'data');
  mkdirSync(data);
  writeFileSync(join(data, 'systems.yaml'), systemsFile(service.url, pair.balancedUrl('effects')));
  const parts: LoadParts = {
    connection: new Connection(['database.unreachable']),
    promises: new PromiseLedger(),
    file: join(folder, 'effects.txt'),
  };
  writeFileSync(parts.file, '');
  const serve = new ServeProcess(data, { TUTTI_DATABASE: pair.url('tutti') });
  const stage: Stage = { parts, pair, serve, service, folder, sentences: new Map() };
  try {
    const report = await conduct(plan, chance, stage);
    await pair.close();
    // What went wrong is kept to be looked at.
    if (report.broken.length === 0) rmSync(folder, { recursive: true, force: true });
    return report;
  } finally {
    serve.kill('SIGKILL');
    await pair.close();
    await service.stop();
  }
}

async function conduct(plan: Plan, chance: Chance, stage: Stage): Promise<Report> {
  const { parts, serve } = stage;
  const url = await serve.ready;
  if (url === null) throw new Error(`serve did not start: ${serve.words}`);
  parts.connection.token = serve.token;
  parts.connection.up(url);
  await deployAll(parts);
  let over = false;
  const players = Array.from({ length: plan.players }, () =>
    new Player(parts, chance.fork(), () => over).play(),
  );
  // A player that fails ends the experiment at once, not at its end; so does the end of the process.
  const playing = Promise.all(players);
  const ended = serve.exited.then(({ code, signal }) => {
    throw new Error(`serve ended by itself (${code ?? signal}): ${serve.words}`);
  });
  ended.catch(() => undefined);
  const rounds: Round[] = [];
  await Promise.race([playing, ended, play(plan, chance, stage, rounds)]);
  over = true;
  await Promise.race([ended, Promise.all([playing, probe(parts)])]);
  plan.progress('the last promotion is over: the drain begins');
  const stuck = await Promise.race([ended, drain(parts)]);
  plan.progress('the audit begins');
  const script = scriptEffects(parts);
  const book = await bookings(stage.pair.client('effects'));
  const findings = await new Audit(parts, { script, post: stage.service.counts, book }).findings();
  const broken = [...stuck, ...findings.broken, ...parts.connection.surprises];
  broken.push(...(await stop(serve)));
  return reportOf(stage, rounds, { ...findings, broken });
}

async function stop(serve: ServeProcess): Promise<string[]> {
  serve.kill('SIGTERM');
  const { code } = await serve.exited;
  return code === 0 ? [] : [`the stop ended with ${code}: ${serve.words}`];
}

async function play(plan: Plan, chance: Chance, stage: Stage, rounds: Round[]): Promise<void> {
  for (let number = 1; number <= plan.promotions; number += 1) {
    await moment(chance.below(LATEST_STROKE_MS));
    const fate = chance.pick(plan.fates);
    const policy = chance.pick(POLICIES);
    const round = await oneRound(stage, fate, policy);
    rounds.push(round);
    const { stallMs, ownMs } = round;
    plan.progress(
      `promotion ${number}: ${fate}, ${policy}: stalled for ${Math.round(stallMs)} ms, ${Math.round(ownMs)} ms of them its own`,
    );
  }
}

async function oneRound(stage: Stage, fate: Fate, policy: Policy): Promise<Round> {
  const { pair, parts } = stage;
  const struckAt = performance.now();
  const watch = watchReadiness(stage);
  await pair.failOver(fate, policy);
  if (policy === 'strict') await pair.rebuild();
  const writableAt = performance.now();
  await probe(parts);
  const recoveredAt = performance.now();
  await watch.end();
  if (policy === 'available') await pair.rebuild();
  await holds('it is ready again', async () => (await readiness(stage)).length === 0);
  return { fate, policy, stallMs: recoveredAt - struckAt, ownMs: recoveredAt - writableAt };
}

async function readiness({ parts, serve }: Stage): Promise<readonly string[]> {
  const url = await parts.connection.server();
  const headers = { authorization: `Bearer ${serve.token}` };
  const response = await fetch(`${url}/readyz`, { headers });
  return healthSchema.parse(await response.json()).stalls;
}

/** What an operator would read meanwhile. */
function watchReadiness(stage: Stage): { end(): Promise<void> } {
  let over = false;
  const watching = (async () => {
    while (!over) {
      for (const stall of await readiness(stage)) {
        const plain = stall.replaceAll(/\d{4}-\S+Z/g, 'T').replaceAll(/\b\d+\b/g, 'N');
        stage.sentences.set(plain, (stage.sentences.get(plain) ?? 0) + 1);
      }
      await moment(LOOK_MS);
    }
  })();
  watching.catch(() => undefined);
  return {
    end: () => {
      over = true;
      return watching;
    },
  };
}

function reportOf({ parts, folder, sentences }: Stage, rounds: Round[], found: Findings): Report {
  const { starts, commands, refused, lost } = parts.promises;
  return {
    ...found,
    rounds,
    started: starts.length,
    acknowledged: starts.length + commands.length,
    refused,
    unanswered: lost,
    sentences,
    folder,
  };
}

export function fatesOf(word: string): readonly Fate[] | null {
  if (word === 'all') return FATES;
  const fate = FATES.find((one) => one === word);
  return fate === undefined ? null : [fate];
}
