/**
 * The clients at the doors of the nodes: they start runs, give commands to any run at any node, repeat a command
 * whose answer they did not get, and look. What they are told is judged at once.
 */
import type { Door } from '../../engine/door.ts';
import { definitionOf, nodeAt, refOf } from '../../kernel/run/nodes.ts';
import type { RunState } from '../../kernel/run/state.ts';
import { statusOf } from '../../kernel/run/status.ts';
import { TRANSITIONS, type TaskCommandName } from '../../kernel/run/transitions.ts';
import { TuttiError } from '../../model/errors.ts';
import type { OperatorCommand } from '../../model/run.ts';
import type { Chance } from '../chaos/chance.ts';
import type { Folded, ReferenceModel } from './reference-model.ts';
import type { Faults } from './faults.ts';
import type { Laws } from './laws.ts';
import type { Life } from './machine.ts';
import { type Schedule, whenDone } from './schedule.ts';
import type { Trace } from './trace.ts';

export interface ClientsParts {
  readonly chance: Chance;
  readonly schedule: Schedule;
  readonly faults: Faults;
  readonly model: ReferenceModel;
  readonly laws: Laws;
  readonly trace: Trace;
  /** Nodes that take commands now. */
  readonly doors: () => readonly Life[];
  readonly nodeOf: (life: Life) => number | undefined;
  readonly workflows: readonly string[];
  readonly mostRuns: number;
}

/** What a node may answer instead of doing it. */
export const HONEST: ReadonlySet<string> = new Set([
  'node.stopping',
  'node.fenced',
  'run.elsewhere',
  'node.unreachable',
  'command.unanswered',
  'write.refused',
]);

export class Clients {
  started = 0;
  readonly #parts: ClientsParts;
  #commands = 0;
  #resting = false;

  constructor(parts: ClientsParts) {
    this.#parts = parts;
  }

  /** They come one after the other until they are told to rest. */
  begin(): void {
    const { schedule, chance } = this.#parts;
    schedule.after(300 * chance.next(), null, 'somebody comes', () => {
      if (this.#resting) return;
      this.#act();
      this.begin();
    });
  }

  rest(): void {
    this.#resting = true;
  }

  #act(): void {
    const { chance, doors, mostRuns, model } = this.#parts;
    const at = doors();
    if (at.length === 0) return;
    const life = chance.pick(at);
    const roll = chance.next();
    if (this.started < mostRuns && (roll < 0.35 || model.runs.size < 3)) this.#start(life);
    else if (roll < 0.85) this.#command(life);
    else this.#look(life);
  }

  #start(life: Life): void {
    const { chance, workflows, faults, laws } = this.#parts;
    this.started += 1;
    const again = this.started > 1 && faults.strikes('key conflict');
    const key = again ? `k${1 + chance.below(this.started - 1)}` : `k${this.started}`;
    const workflow = again ? workflows[1] : chance.pick(workflows.slice(1));
    const request = {
      workflow: workflow ?? '',
      inputs: { flag: chance.happens(0.5) },
      ...((again || workflow === workflows[1]) && { key }),
      by: { actor: `starter-${this.started}` },
    };
    this.#ask(
      life,
      `start ${request.workflow}`,
      (door) => door.commands.start(request),
      (answer) => {
        if (!answer.refused) laws.startAcknowledged(answer.run);
      },
    );
  }

  #command(life: Life): void {
    const { chance, model, faults } = this.#parts;
    const runs = [...(chance.happens(0.8) ? model.open : model.runs.values())];
    if (runs.length === 0) return;
    this.#commands += 1;
    const by = { actor: `operator-${this.#commands}` };
    const command = this.#mending(by) ?? commandFor(chance.pick(runs), by, chance);
    this.give(life, command);
    if (faults.strikes('repeated command')) this.give(chance.pick(this.#parts.doors()), command);
  }

  /** Somebody mends a child. */
  #mending(by: By): OperatorCommand | undefined {
    const { chance, model } = this.#parts;
    if (!chance.happens(0.1)) return undefined;
    const broken = [...model.runs.values()].filter(isBrokenChild);
    return broken.length === 0
      ? undefined
      : { type: 'RestartRun', run: chance.pick(broken).id, by };
  }

  /** A run as the reference model has it now. A child is about to begin another: its family is cancelled. */
  written(run: string): void {
    const { chance, model, schedule } = this.#parts;
    const state = model.runs.get(run)?.state;
    if (this.#resting || state?.parent === undefined || !isCalling(state)) return;
    if (!chance.happens(0.5)) return;
    const top = state.parent.root ?? state.parent.run;
    this.#commands += 1;
    const by = { actor: `operator-${this.#commands}` };
    // Where nothing has to be passed on: there it comes before the child's start.
    schedule.after(0, null, `somebody cancels ${model.nameOf(top)}`, () => {
      const { nodeOf, doors } = this.#parts;
      const life = doors().find((each) => nodeOf(each) === model.runs.get(top)?.owner);
      if (life !== undefined) this.give(life, { type: 'CancelRun', run: top, by });
    });
  }

  give(life: Life, command: OperatorCommand): void {
    const { laws, model, schedule } = this.#parts;
    const task = 'task' in command ? `:${command.task}` : '';
    const what = `${command.type} ${model.nameOf(command.run)}${task}`;
    this.#ask(
      life,
      what,
      (door) => door.commands.submit(command),
      (answer) => {
        // What was passed on is judged at the door of the owner.
        const isHere = model.runs.get(command.run)?.owner === this.#parts.nodeOf(life);
        if (!answer.refused && isHere) laws.acknowledged(command, schedule.now);
      },
    );
  }

  /** Law 11, and the run in memory against the model. */
  #look(life: Life): void {
    const { chance, model, laws } = this.#parts;
    const runs = [...model.runs.values()];
    if (runs.length === 0) return;
    const { id } = chance.pick(runs);
    this.#ask(
      life,
      `inspect ${model.nameOf(id)}`,
      (door) => door.runs.inspect(id),
      (view) => {
        for (const task of view?.taskViews ?? []) {
          const ended = ENDS.has(task.status);
          const reasons = task.gates.filter(({ message }) => message.trim() !== '').length;
          laws.judge(
            'reason',
            ended || reasons > 0,
            () => `"${task.task}" of ${model.nameOf(id)} is ${task.status} without a reason`,
          );
        }
      },
    );
  }

  #ask<T>(
    life: Life,
    what: string,
    ask: (door: Door) => Promise<T>,
    heard: (answer: T) => void,
  ): void {
    const { trace, laws } = this.#parts;
    const door = life.engine?.door;
    if (door === undefined) return;
    void whenDone(
      ask(door),
      (answer) => {
        if (!life.alive) return;
        const refused = (answer as { refused?: boolean } | null)?.refused === true;
        trace.note(`  ${life.name} ${refused ? 'refuses' : 'has done'} ${what}`);
        laws.judge('one-door', answer !== undefined, () => `${what} was not answered`);
        heard(answer);
      },
      (error: unknown) => {
        if (!life.alive) return;
        const code = error instanceof TuttiError ? error.code : String(error);
        trace.note(`  ${life.name} cannot ${what}: ${code}`);
        laws.judge(
          'one-door',
          HONEST.has(code),
          () => `${what} was answered with ${String(error)}`,
        );
      },
    );
  }
}

const ENDS = new Set(['succeeded', 'warned', 'failed', 'timed-out', 'cancelled', 'skipped']);

/** A child that a client mends. */
function isBrokenChild({ state }: Folded): boolean {
  return state.parent !== undefined && state.end !== undefined && state.end.end !== 'succeeded';
}

/** It is about to begin a child. */
function isCalling(state: RunState): boolean {
  return state.nodes.some(
    (node) => node.status.name === 'queued' && definitionOf(state, node).body.kind === 'workflow',
  );
}

type By = OperatorCommand['by'];

function commandFor({ id, state }: Folded, by: By, chance: Chance): OperatorCommand {
  const on = { run: id, by };
  const roll = chance.next();
  if (roll < 0.1) return { type: 'CancelRun', ...on };
  if (roll < 0.14) return { type: state.hold === undefined ? 'HoldRun' : 'ReleaseRun', ...on };
  if (state.hold !== undefined && roll < 0.5) return { type: 'ReleaseRun', ...on };
  if (roll < 0.22) {
    const from = refOf(state, chance.below(state.nodes.length));
    return { type: 'RestartRun', ...on, ...(chance.happens(0.5) && { from: [from] }) };
  }
  return taskCommand(state, on, chance);
}

/** A verb for some task, mostly one that its status allows. */
function taskCommand(
  state: RunState,
  on: { run: string; by: By },
  chance: Chance,
): OperatorCommand {
  const index = chance.below(state.nodes.length);
  const node = nodeAt(state, index);
  const task = refOf(state, index);
  const row = TRANSITIONS[statusOf(state, node)];
  const names = Object.keys(row) as TaskCommandName[];
  const allowed = names.filter((name) => row[name] === 'yes');
  const type = chance.pick(allowed.length > 0 && chance.happens(0.9) ? allowed : names);
  switch (type) {
    case 'HoldTask':
      return { type: node.hold === undefined ? type : 'ReleaseTask', ...on, task };
    case 'ReleaseTask':
    case 'SkipTask':
    case 'RerunTask':
      return { type, ...on, task };
    case 'ForceTask':
      return { type, ...on, task, as: chance.happens(0.7) ? 'succeeded' : 'failed' };
    case 'DecideApproval': {
      const decision = chance.happens(0.7) ? 'approve' : 'reject';
      return { type, ...on, by: { actor: 'desk' }, task, decision };
    }
    case 'SteerTask': {
      const { body } = definitionOf(state, node);
      const targets = body.kind === 'switch' ? body.cases.flatMap(({ then }) => then) : [];
      const to =
        targets.length === 0 ? 'nobody' : state.definition.tasks[chance.pick(targets)]?.name;
      return { type, ...on, task, to: to ?? 'nobody' };
    }
  }
}
