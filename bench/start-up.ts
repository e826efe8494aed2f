/**
 * npm run start-up: what a user waits for before Tutti does anything. Each command beside a bare
 * `node -e 0` of the same round, in turn; medians of the ratios, which a busy machine changes less
 * than the times. The run is of one shell task, on a data folder that is there already.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { median } from './meter.ts';

const USAGE = `npm run start-up -- [--rounds N] [--against DIR]

  --rounds N      each command so often, in turn (9)
  --against DIR   and the same of another checkout that is built
`;
const HERE = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const HELLO =
  'workflow: hello\ntasks:\n  greet: { action: shell.run, with: { script: echo Hello } }\n';
/** A command that takes longer does not work. */
const LIMIT_MS = 60_000;

const endedSchema = z.object({
  taskViews: z.tuple([z.object({ startedAt: z.number(), endedAt: z.number() })]),
});

interface Command {
  readonly name: string;
  readonly times: number[];
  /** Of the first task of a run. */
  readonly tasks: number[];
  readonly words: readonly string[];
}

function timed(folder: string, { name, words, times, tasks }: Command): void {
  const begun = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    cwd: folder,
    encoding: 'utf8',
    timeout: LIMIT_MS,
    env: { ...process.env, TUTTI_URL: '', TUTTI_DATA: '', TUTTI_ALLOW_ROOT: '1' },
  });
  times.push(performance.now() - begun);
  if (status !== 0) throw new Error(`${name} ended with ${String(status)}: ${stderr}`);
  if (!words.includes('run')) return;
  const [task] = endedSchema.parse(JSON.parse(stdout)).taskViews;
  tasks.push(task.endedAt - task.startedAt);
}

function commandsOf(root: string, label: string): Command[] {
  const data = `data-${label || 'own'}`;
  return [
    ['--version'],
    ['--help'],
    ['validate', 'hello.yaml'],
    ['run', 'hello.yaml', '--json', '--data', data],
  ].map((words) => ({
    name: `${label}tutti ${words.slice(0, 2).join(' ')}`,
    words: [join(root, 'cli/tutti.js'), ...words],
    times: [],
    tasks: [],
  }));
}

function row(name: string, times: readonly number[], bare: readonly number[]): string {
  const ratios = times.map((time, round) => time / (bare[round] ?? NaN));
  const figures = [
    median(times).toFixed(0),
    Math.min(...times).toFixed(0),
    median(ratios).toFixed(2),
  ];
  return [name.padEnd(32), ...figures.map((figure) => figure.padStart(10))].join('');
}

function main(): number {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '9' }, against: { type: 'string' } },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    console.error(USAGE);
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'tutti-start-up-'));
  try {
    writeFileSync(join(folder, 'hello.yaml'), HELLO);
    const bare: Command = { name: 'node -e 0', words: ['-e', '0'], times: [], tasks: [] };
    const other = values.against === undefined ? [] : commandsOf(resolve(values.against), 'other ');
    const commands = [bare, ...commandsOf(HERE, ''), ...other];
    // The first time makes the data folder, and reads the files from the disk.
    for (const command of commands) timed(folder, { ...command, times: [], tasks: [] });
    for (let round = 1; round <= rounds; round++) {
      for (const command of commands) timed(folder, command);
      console.error(`round ${round} of ${rounds}`);
    }
    console.log(
      ['', 'median ms', 'least ms', '× node']
        .map((word, at) => (at === 0 ? word.padEnd(32) : word.padStart(10)))
        .join(''),
    );
    for (const { name, times } of commands) console.log(row(name, times, bare.times));
    for (const { name, tasks } of commands)
      if (tasks.length > 0)
        console.log(row(`its first task: ${name}`.slice(0, 31), tasks, bare.times));
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = main();
