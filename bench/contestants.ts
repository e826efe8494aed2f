/**
 * Everybody who may take part, in the order of the table: Tutti first, then the peers of
 * `bench/peers`, which are installed by hand. How large their share of a workload is, is measured
 * out so that each takes some twenty seconds at most: the table prints it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, delimiter, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface Entry {
  readonly name: string;
  /** URL of the module that opens it. */
  readonly module: string;
  /** Where it keeps its work: whose processor time is the server's, and whose log is counted. */
  readonly keeps: 'postgresql' | 'itself' | 'nothing';
  /** Runs (or tasks, where a workload counts them) per workload; what is not here is the full count. */
  readonly amounts: Readonly<Record<string, number>>;
  /** Why it cannot take part here; undefined when it can. */
  readonly missing?: string;
}

export const TUTTI: Entry = {
  name: 'Tutti',
  module: new URL('tutti.js', import.meta.url).href,
  keeps: 'postgresql',
  amounts: {},
};

/** Another revision of Tutti, from a checkout that is built. */
export function checkout(directory: string): Entry {
  const file = resolve(directory, 'dist/bench/tutti.js');
  return {
    ...TUTTI,
    name: `Tutti of ${basename(resolve(directory))}`,
    module: pathToFileURL(file).href,
    ...(!existsSync(file) && { missing: `${file} is missing: build it` }),
  };
}

/** For the paths to systems: the engine with its real connectors, and a loop without any engine. */
export const DISPATCH: readonly Entry[] = [
  {
    name: 'Tutti',
    module: new URL('dispatch.js', import.meta.url).href,
    keeps: 'postgresql',
    amounts: {},
  },
  {
    name: 'a bare loop',
    module: new URL('bare.js', import.meta.url).href,
    keeps: 'nothing',
    amounts: {},
  },
];

interface Peer {
  readonly name: string;
  readonly file: string;
  readonly package: string;
  readonly keeps: Entry['keeps'];
  /** A program that it needs on the PATH. */
  readonly program?: string;
  readonly amounts: Entry['amounts'];
}

const PEERS: readonly Peer[] = [
  {
    name: 'DBOS',
    file: 'dbos.mjs',
    package: '@dbos-inc/dbos-sdk',
    keeps: 'postgresql',
    amounts: { W1: 1_000, W2: 200, W3: 100, W4: 5_000 },
  },
  {
    name: 'Restate',
    file: 'restate.mjs',
    package: '@restatedev/restate-server',
    keeps: 'itself',
    amounts: { W1: 3_000, W2: 1_000, W3: 200, W4: 10_000 },
  },
  {
    name: 'pg-boss',
    file: 'pg-boss.mjs',
    package: 'pg-boss',
    keeps: 'postgresql',
    amounts: { W1: 10_000, W3: 100, W4: 100_000 },
  },
  {
    name: 'graphile-worker',
    file: 'graphile-worker.mjs',
    package: 'graphile-worker',
    keeps: 'postgresql',
    amounts: { W1: 1_500, W3: 100, W4: 100_000 },
  },
  {
    name: 'BullMQ',
    file: 'bullmq.mjs',
    package: 'bullmq',
    keeps: 'itself',
    program: 'redis-server',
    amounts: { W1: 5_000, W2: 1_000, W3: 200, W4: 100_000 },
  },
];

/** This file is built into dist/bench; the peers stay where they are. */
const FOLDER = fileURLToPath(new URL('../../bench/peers/', import.meta.url));

export function peers(): Entry[] {
  return PEERS.map((peer) => {
    const missing = whyMissing(peer);
    return {
      name: missing === undefined ? `${peer.name} ${versionOf(peer.package)}` : peer.name,
      module: new URL(`file://${join(FOLDER, peer.file)}`).href,
      keeps: peer.keeps,
      amounts: peer.amounts,
      ...(missing !== undefined && { missing }),
    };
  });
}

function whyMissing({ package: name, program }: Peer): string | undefined {
  if (!existsSync(manifest(name))) return 'not installed: npm ci --prefix bench/peers';
  if (program === undefined || isOnPath(program)) return undefined;
  return `${program} is not on the PATH`;
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .some((folder) => existsSync(join(folder, program)));
}

function manifest(name: string): string {
  return join(FOLDER, 'node_modules', name, 'package.json');
}

function versionOf(name: string): string {
  return (JSON.parse(readFileSync(manifest(name), 'utf8')) as { version: string }).version;
}
