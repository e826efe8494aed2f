/** The gate for tests: runs of one workflow on a journal in memory, and a line for everything that is heard. */
import { quiet, SimulatedClock } from '../../tests/simulation/clock.ts';
import { MemoryJournal } from '../../journal/memory/journal.ts';
import { define, START, type TaskSpec } from '../../kernel/run/definition.fixture.ts';
import { TuttiError } from '../../model/errors.ts';
import type { Json } from '../../model/json.ts';
import type { AttemptReport, DoorCommand, ParentTask } from '../../model/run.ts';
import { NodeIdentity } from '../node-identity.ts';
import type { Observer } from '../observer.ts';
import type { LiveRun } from './live-run.ts';
import type { RunListener } from './run-listener.ts';
import { Runs } from './runs.ts';
import type { World } from './world.ts';

export const by = { actor: 'test' };
export const HOUR_MS = 3_600_000;
/** No text of JSON can be made of it. */
export const UNWRITABLE = 1n as unknown as Json;

function worldOf(hear: (line: string) => void): World {
  return {
    adopt: ({ id }) => hear(`adopt ${id}`),
    follow: ({ id }, nodes) => hear(`follow ${id}: ${nodes.join(' ')}`),
    evict: ({ id }, comesBack) => hear(`evict ${id}${comesBack ? ', back' : ''}`),
    renumber: ({ id }, onDurable) => {
      hear(`renumber ${id}`);
      return (error) => {
        hear(`renumbered ${id}`);
        onDurable?.(error);
      };
    },
    setRunTimer: ({ id }) => hear(`timer ${id}`),
    quiescent: () => Promise.resolve(),
    overlayOf: () => ({}) as never,
    stop: () => hear('stop'),
  };
}

function listenerOf(hear: (line: string) => void): RunListener {
  return {
    ended: ({ id }) => hear(`ended ${id}`),
    reopened: ({ id }) => hear(`reopened ${id}`),
    durable: (run, durable) => hear(`durable ${run}: ${durable}`),
    unloaded: (wakeAt) => hear(`unloaded ${wakeAt === Infinity ? 'for good' : wakeAt - START}`),
    postponed: (runs) => hear(`postponed ${runs.join(' ')}`),
    fenced: ({ code }) => hear(`fenced ${code}`),
  };
}

function observerOf(hear: (line: string) => void): Observer {
  const observer: Pick<Observer, 'decided' | 'woken' | 'noted' | 'sent' | 'troubled'> = {
    decided: (run, events) =>
      hear(`decided ${run.id}: ${events.map(({ type }) => type).join(' ')}`),
    woken: (lateMs) => hear(`woken ${lateMs} late`),
    noted: (fact) => hear(fact.is),
    sent: () => () => undefined,
    troubled: (what) => hear(what),
  };
  return observer as Observer;
}

interface Options {
  readonly settledAtOnce?: number;
  readonly isWatched?: boolean;
}

/** Runs of one workflow on a journal in memory; whoever hears of something adds a line. */
export async function subject(tasks: Readonly<Record<string, TaskSpec>>, options: Options = {}) {
  const clock = new SimulatedClock(START);
  const journal = new MemoryJournal(() => clock.now());
  const heard: string[] = [];
  const hear = (line: string): void => void heard.push(line);
  const lease = await journal.register('a', 60_000, null);
  const definition = define(tasks);
  const about = { workflow: 'play', definition, source: '', directory: '/d', deployedAt: 0, by };
  await journal.deploy(about);
  const open = async (): Promise<Runs> => {
    const runs = new Runs({
      journal,
      clock,
      chance: { next: () => 0 },
      settledAtOnce: options.settledAtOnce,
      identity: new NodeIdentity(lease),
      observer: options.isWatched === true ? observerOf(hear) : undefined,
    });
    runs.connect(worldOf(hear), listenerOf(hear));
    await runs.versions.get('play', null);
    return runs;
  };
  const runs = await open();
  const told = (what: string) => (error?: Error) =>
    hear(`told ${what}${error === undefined ? '' : `: ${codeOf(error)}`}`);
  const begin = (id: string, more: { full?: boolean; parent?: ParentTask; inputs?: Json } = {}) => {
    const { full = false, parent, inputs = {} } = more;
    runs.gate.begin(
      id,
      {
        type: 'RunStarted',
        at: clock.now(),
        workflow: 'play',
        version: 1,
        inputs: inputs as never,
        by,
        ...(parent !== undefined && { parent }),
      },
      '/d',
      full,
      told('begin'),
    );
  };
  const apply = (run: LiveRun, command: DoorCommand | AttemptReport) =>
    runs.gate.apply(run, command, told(command.type));
  /** A run that is in memory, and durable. What was heard until then is forgotten. */
  const live = async (id: string): Promise<LiveRun> => {
    const run = runs.memory.live.get(id) ?? (await runs.memory.load(id));
    if (run === null) throw new Error(`there is no run ${id}`);
    await quiet();
    heard.splice(0);
    return run;
  };
  const begun = async (id: string, more: { parent?: ParentTask } = {}): Promise<LiveRun> => {
    begin(id, more);
    await quiet();
    return live(id);
  };
  return { clock, journal, heard, runs, open, begin, begun, live, apply, gate: runs.gate };
}

function codeOf(error: Error): string {
  return error instanceof TuttiError ? error.code : error.name;
}

export const hold = { type: 'HoldRun', run: 'r1', by } as const;
export const release = { type: 'ReleaseRun', run: 'r1', by } as const;
const attempt = (task: string) => ({ run: 'r1', task, attempt: 1 });
export const start = (task: string) => ({ type: 'StartTask', ...attempt(task) }) as const;
export const complete = (task: string, output: Json = null) =>
  ({ type: 'CompleteTask', ...attempt(task), output, startedAt: START }) as const;
export const fail = (task: string) =>
  ({
    type: 'FailTask',
    ...attempt(task),
    failure: { class: 'failed', code: 'test.failed', message: 'it failed' },
    startedAt: START,
  }) as const;
export const CHAIN = { a: {}, b: { needs: ['a'] } };
