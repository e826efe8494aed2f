/**
 * Random things to do to a run. A move is three numbers until it meets a state, which turns them
 * into a command: so a counterexample shrinks, whatever the workflow. Half of the moves answer
 * what the plan asks for, a third are verbs that the transition table allows; the rest is noise:
 * stale reports, tasks that are not there, verbs that are refused.
 */
import fc from 'fast-check';
import type { AttemptReport, DoorCommand, OperatorCommand } from '../../model/run.ts';
import { BY, START } from './definition.fixture.ts';
import { definitionOf, isMapped, nodeAt, refOf } from './nodes.ts';
import { type Effect, plan } from './plan.ts';
import { NAMES } from './random.fixture.ts';
import type { RunState } from './state.ts';
import { statusOf } from './status.ts';
import { type TaskCommandName, TRANSITIONS } from './transitions.ts';

export interface Move {
  readonly afterMs: number;
  readonly command: DoorCommand | AttemptReport;
}

export interface Roll {
  readonly kind: number;
  readonly task: number;
  readonly detail: number;
}

export const rolls = (maxLength: number): fc.Arbitrary<Roll[]> =>
  fc.array(fc.record({ kind: fc.nat(99), task: fc.nat(99), detail: fc.nat(99) }), {
    maxLength,
    size: 'max',
  });

/** How often each move is made, of a hundred. */
const ODDS: readonly (readonly [number, (roll: Roll, state: RunState, now: number) => Move])[] = [
  [52, answer],
  [20, allowedVerb],
  [4, runVerb],
  [6, restart],
  [5, family],
  [13, noise],
];

export function moveOf(roll: Roll, state: RunState, now: number): Move {
  let left = roll.kind;
  for (const [odds, make] of ODDS) {
    if (left < odds) return make(roll, state, now);
    left -= odds;
  }
  return noise(roll, state);
}

function pick<T>(list: readonly T[], number: number): T | undefined {
  return list[number % Math.max(list.length, 1)];
}

/** An answer to something that the plan asks for. */
function answer(roll: Roll, state: RunState, now: number): Move {
  // The run's own timeout would end most runs early: it gets one turn of ten.
  const due = plan(state).filter(
    (effect) => !(effect.kind === 'timer' && effect.of === 'run') || roll.detail % 10 === 0,
  );
  const effect = pick(due, roll.task);
  if (effect === undefined) return allowedVerb(roll, state);
  if (effect.kind !== 'timer') {
    const at = { run: state.id, task: effect.task, attempt: effect.attempt };
    const moves = effect.kind === 'dispatch' ? starts(at, roll) : ends(at, roll, effect);
    return { afterMs: roll.detail * 10, command: pick(moves, roll.detail) as AttemptReport };
  }
  const afterMs = Math.max(0, effect.at - now);
  if (effect.of === 'run') return { afterMs, command: { type: 'WakeRun', run: state.id } };
  const { task, attempt } = effect;
  return { afterMs, command: { type: 'WakeTask', run: state.id, task, attempt } };
}

interface At {
  readonly run: string;
  readonly task: string;
  readonly attempt: number;
}

function outcomes(at: At, roll: Roll): AttemptReport[] {
  const classes = ['transient', 'failed', 'rejected', 'timeout'] as const;
  const failure = {
    class: pick(classes, roll.task) ?? 'failed',
    code: 'test.failed',
    message: 'it failed',
  };
  const startedAt = START;
  const done = roll.task % 2 === 0;
  return [
    { type: 'CompleteTask', ...at, output: { done: true, warn: done }, startedAt },
    { type: 'CompleteTask', ...at, output: { done, warn: false }, startedAt },
    { type: 'FailTask', ...at, failure, startedAt },
    { type: 'FailTask', ...at, failure, startedAt, output: 'half', retryAfterMs: 5_000 },
    { type: 'CompleteTask', ...at, output: null, startedAt },
  ];
}

function starts(at: At, roll: Roll): AttemptReport[] {
  return [
    { type: 'StartTask', ...at },
    { type: 'StartTask', ...at, child: `r1:${at.task}` },
    { type: 'StartTask', ...at },
    ...outcomes(at, roll),
  ];
}

function ends(at: At, roll: Roll, effect: Extract<Effect, { kind: 'follow' }>): AttemptReport[] {
  const failure = { class: 'unknown', code: 'test.no-answer', message: 'no answer' } as const;
  return [
    ...outcomes(at, roll),
    { type: 'SubmitTask', ...at, job: { id: roll.task } },
    effect.unknown ? { type: 'ResolveUnknown', ...at } : { type: 'MarkUnknown', ...at, failure },
    ...(effect.cancel ? [{ type: 'ConfirmCancel', ...at } as const] : []),
  ];
}

/** A verb that the table allows for the status of some task. */
function allowedVerb(roll: Roll, state: RunState): Move {
  const refs = state.nodes.map((_, index) => refOf(state, index));
  const verbs = state.nodes.flatMap((node, index) => {
    const row = TRANSITIONS[statusOf(state, node)];
    const names = Object.keys(row) as TaskCommandName[];
    const allowed = names.filter((name) => row[name] === 'yes' && fits(state, index, name));
    return allowed.map((name) => [refs[index] ?? '', name] as const);
  });
  const [task, name] = pick(verbs, roll.task * 100 + roll.detail) ?? ['nobody', 'HoldTask'];
  return { afterMs: 0, command: verb(name, task, roll, state) };
}

/** Steering is for switches only; held tasks are released more often than held again. */
function fits(state: RunState, index: number, name: TaskCommandName): boolean {
  const node = nodeAt(state, index);
  const task = definitionOf(state, node);
  const isSwitch = task.body.kind === 'switch';
  if (name === 'SteerTask') return isSwitch;
  if (name === 'RerunTask') return !isSwitch && !isMapped(task, node);
  if (name === 'HoldTask') return node.hold === undefined;
  if (name === 'ReleaseTask') return node.hold !== undefined;
  return true;
}

function verb(name: TaskCommandName, task: string, roll: Roll, state: RunState): OperatorCommand {
  const on = { run: state.id, by: BY, task };
  switch (name) {
    case 'HoldTask':
    case 'ReleaseTask':
    case 'SkipTask':
    case 'RerunTask':
      return { type: name, ...on };
    case 'ForceTask':
      if (roll.detail % 3 === 0) return { type: name, ...on, as: 'failed' };
      return { type: name, ...on, as: 'succeeded', output: { done: true } };
    case 'DecideApproval':
      return { type: name, ...on, decision: roll.detail % 3 === 0 ? 'reject' : 'approve' };
    case 'SteerTask': {
      const body = state.definition.tasks.find((each) => each.name === task)?.body;
      const targets = body?.kind === 'switch' ? body.cases.flatMap(({ then }) => then) : [];
      const to = state.definition.tasks[pick(targets, roll.detail) ?? -1]?.name ?? 'nobody';
      return { type: name, ...on, to };
    }
  }
}

function runVerb(roll: Roll, state: RunState): Move {
  const on = { run: state.id, by: BY };
  const held = state.hold === undefined ? 'HoldRun' : 'ReleaseRun';
  const type = roll.detail % 4 === 0 ? 'CancelRun' : held;
  return { afterMs: 0, command: { type, ...on } };
}

function restart(roll: Roll, state: RunState): Move {
  const base = { type: 'RestartRun', run: state.id, by: BY } as const;
  const version = 1 + (roll.task % 3);
  const name = (index: number) => pick(NAMES, index) ?? '';
  const mapping = { [name(roll.detail)]: name(roll.task), [name(roll.task)]: name(roll.detail) };
  const ref = refOf(state, roll.task % state.nodes.length);
  const commands: OperatorCommand[] = [
    base,
    base,
    { ...base, from: [ref] },
    { ...base, from: [ref, refOf(state, roll.detail % state.nodes.length)] },
    { ...base, version },
    { ...base, version, mapping },
    { ...base, version, from: [name(roll.detail)] },
  ];
  return { afterMs: 0, command: pick(commands, roll.detail) ?? base };
}

/** A child goes on after its end, or the run has told its own parent that it does. */
function family(roll: Roll, state: RunState): Move {
  const takesOver = roll.detail % 2 === 0;
  if (state.untold !== undefined && takesOver)
    return { afterMs: 0, command: { type: 'TellParent', run: state.id, takesOver } };
  const calls = state.nodes.flatMap((node, index) => {
    const isCall = definitionOf(state, node).body.kind === 'workflow';
    return isCall && ['ended', 'retrying'].includes(node.status.name) ? [index] : [];
  });
  const index = pick(calls, roll.task) ?? roll.task % state.nodes.length;
  const [task, attempt] = [refOf(state, index), nodeAt(state, index).attempt];
  const on = { run: state.id, task, attempt: attempt - (roll.detail % 5 === 4 ? 1 : 0), by: BY };
  return { afterMs: 0, command: { type: 'ReopenTask', ...on, child: `${state.id}:${task}` } };
}

/** Any report about any task and attempt, any verb for any task. */
function noise(roll: Roll, state: RunState): Move {
  const index = roll.task % (state.nodes.length + 1);
  const node = state.nodes[index];
  const task = node === undefined ? 'nobody' : refOf(state, index);
  const attempt = (node?.attempt ?? 1) - (roll.detail % 3) + 1;
  const at = { run: state.id, task, attempt };
  const failure = { class: 'unknown', code: 'test.no-answer', message: 'no answer' } as const;
  const commands: Move['command'][] = [
    ...outcomes(at, roll),
    { type: 'StartTask', ...at },
    { type: 'SubmitTask', ...at, job: 1 },
    { type: 'MarkUnknown', ...at, failure },
    { type: 'ResolveUnknown', ...at },
    { type: 'ConfirmCancel', ...at },
    { type: 'WakeTask', ...at },
    { type: 'WakeRun', run: state.id },
    ...(Object.keys(TRANSITIONS.waiting) as TaskCommandName[]).map((each) =>
      verb(each, task, roll, state),
    ),
  ];
  return { afterMs: roll.detail, command: pick(commands, roll.detail) as Move['command'] };
}
