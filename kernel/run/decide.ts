/**
 * decide(state, command, context) → events | refusal: what an operator or the engine may do to a
 * run that is there. It changes nothing; `step` applies what it gives.
 */
import type {
  AttemptReport,
  DoorCommand,
  Failure,
  ForceTask,
  OperatorCommand,
  Refusal,
  RestartPreview,
  RestartRun,
  RunEvent,
  SteerTask,
  TaskEnded,
} from '../../model/run.ts';
import { approvalEnded } from './approval.ts';
import type { Context, Decision } from './context.ts';
import { namesOf, taskAt, withDescendants } from './graph.ts';
import { definitionOf, indexOf, isMapped, isOutside, nodeAt, refOf, underway } from './nodes.ts';
import { isRefusal, refusal } from '../../model/refusal.ts';
import { reopen } from './reopen.ts';
import { report } from './report.ts';
import { chooseRestart, type RestartChoice } from './restart.ts';
import type { Node, RunState } from './state.ts';
import { statusOf } from './status.ts';
import { taskEnded } from './task-ended.ts';
import { TRANSITIONS } from './transitions.ts';

export function decide(
  state: RunState,
  command: DoorCommand | AttemptReport,
  context: Context,
): Decision {
  const { now } = context;
  switch (command.type) {
    case 'HoldRun':
      return whileGoingOn(state, 'hold', () =>
        state.hold === undefined ? [{ type: 'RunHeld', at: now, by: command.by }] : [],
      );
    case 'ReleaseRun':
      return whileGoingOn(state, 'release', () =>
        state.hold === undefined ? [] : [{ type: 'RunReleased', at: now, by: command.by }],
      );
    case 'CancelRun':
      return whileGoingOn(state, 'cancel', () => [
        { type: 'RunCancelRequested', at: now, by: command.by },
      ]);
    case 'RestartRun':
      return restartRun(state, command, context);
    case 'HoldTask':
    case 'ReleaseTask':
    case 'SkipTask':
    case 'ForceTask':
    case 'RerunTask':
    case 'SteerTask':
    case 'DecideApproval':
      return onTask(state, command, context);
    case 'ReopenTask':
      return reopen(state, command, now);
    case 'StartTask':
    case 'SubmitTask':
    case 'CompleteTask':
    case 'FailTask':
    case 'MarkUnknown':
    case 'ResolveUnknown':
    case 'ConfirmCancel':
    case 'WakeTask':
    case 'WakeRun':
    case 'TellParent':
      return report(state, command, context);
  }
}

function whileGoingOn(state: RunState, verb: string, then: () => RunEvent[]): Decision {
  if (state.end !== undefined) {
    return refusal('run.wrong-status', `cannot ${verb} the run: it has ended (${state.end.end})`);
  }
  if (state.cancel !== undefined) {
    return refusal('run.wrong-status', `cannot ${verb} the run: it is being cancelled`);
  }
  return then();
}

type TaskCommand = Extract<OperatorCommand, { task: string }>;

function onTask(state: RunState, command: TaskCommand, context: Context): Decision {
  const index = indexOf(state, command.task);
  if (index === undefined)
    return refusal('task.unknown', `run ${state.id} has no task "${command.task}"`);
  const node = nodeAt(state, index);
  const status = statusOf(state, node);
  const cell = TRANSITIONS[status][command.type];
  if (cell !== 'yes') {
    return refusal(
      'task.wrong-status',
      `"${command.task}" (${status}) ${cell.slice('no: '.length)}`,
    );
  }
  // Rerun starts an ended run again; everything else needs one that is open or ended badly.
  const afterEnd =
    command.type === 'RerunTask' || command.type === 'SteerTask' || mayMendEnded(state, command);
  if (state.end !== undefined && !afterEnd) {
    return refusal(
      'run.wrong-status',
      `the run has ended (${state.end.end}); restart it, or rerun the task`,
    );
  }
  const declares = command.type === 'ForceTask' || command.type === 'SkipTask';
  if (
    state.cancel !== undefined &&
    state.end === undefined &&
    !(status === 'unknown' && declares)
  ) {
    return refusal('run.wrong-status', 'the run is being cancelled');
  }
  return taskCommand(state, index, node, command, context);
}

/** Skipping or forcing what blocks a failed run lets it continue. */
function mayMendEnded(state: RunState, command: TaskCommand): boolean {
  return (
    state.end?.end === 'failed' && (command.type === 'SkipTask' || command.type === 'ForceTask')
  );
}

/** What ends an approval without the decision that it asks for. */
const DECIDING: ReadonlySet<string> = new Set(['SkipTask', 'ForceTask']);

function taskCommand(
  state: RunState,
  index: number,
  node: Node,
  command: TaskCommand,
  context: Context,
): Decision {
  const { task, by } = command;
  const { now } = context;
  const definition = definitionOf(state, node);
  const isSwitch = definition.body.kind === 'switch';
  if (by.through === 'job' && definition.body.kind === 'approve' && DECIDING.has(command.type))
    return refusal('auth.forbidden', `"${task}" asks a person: a job cannot decide it`);
  switch (command.type) {
    case 'HoldTask':
      return node.hold === undefined ? [{ type: 'TaskHeld', at: now, task, by }] : [];
    case 'ReleaseTask':
      return node.hold === undefined ? [] : [{ type: 'TaskReleased', at: now, task, by }];
    case 'SkipTask':
      if (isSwitch)
        return refusal('task.wrong-status', `"${task}" is a switch: steer it to a branch instead`);
      return [{ type: 'TaskSkipped', at: now, task, because: 'operator', forced: by }];
    case 'ForceTask':
      if (isSwitch && command.as === 'succeeded') {
        return refusal('task.wrong-status', `"${task}" is a switch: steer it to a branch instead`);
      }
      return [forced(node, command, now)];
    case 'RerunTask':
      if (isSwitch || isMapped(definition, node)) {
        return refusal(
          'task.wrong-status',
          `"${task}" cannot be rerun alone: restart the run from it`,
        );
      }
      return [{ type: 'TaskRerun', at: now, task, by }];
    case 'SteerTask':
      return steer(state, index, node, command, now);
    case 'DecideApproval':
      return approval(state, node, command, now);
  }
}

function forced(node: Node, command: ForceTask, now: number): TaskEnded {
  const startedAt = node.status.name === 'unknown' ? node.status.startedAt : undefined;
  const of = { task: command.task, attempt: node.attempt };
  const details = { startedAt, output: command.output, forced: command.by };
  if (command.as === 'succeeded') return taskEnded(of, 'succeeded', now, details);
  const { actor, reason } = command.by;
  const message = `${actor} declared it failed${reason === undefined ? '' : `: ${reason}`}`;
  const failure: Failure = { class: 'rejected', code: 'task.forced', message };
  return taskEnded(of, 'failed', now, { ...details, failure });
}

function approval(
  state: RunState,
  node: Node,
  command: Extract<OperatorCommand, { type: 'DecideApproval' }>,
  now: number,
): Decision {
  const body = definitionOf(state, node).body;
  if (body.kind !== 'approve')
    return refusal('task.wrong-status', `"${command.task}" is not an approval`);
  if (!body.by.includes(command.by.actor)) {
    return refusal(
      'approval.not-allowed',
      `"${command.task}" is decided by ${body.by.join(' or ')}, not by ${command.by.actor}`,
    );
  }
  return [approvalEnded(command.task, node, command.decision, command.by, now)];
}

/**
 * Chooses the branch of a switch by hand. Before the switch has decided the choice is kept until
 * its turn; afterwards the run continues from the switch again, on the branch chosen.
 */
function steer(
  state: RunState,
  index: number,
  node: Node,
  command: SteerTask,
  now: number,
): Decision {
  const body = definitionOf(state, node).body;
  if (body.kind !== 'switch')
    return refusal('task.wrong-status', `"${command.task}" is not a switch`);
  const target = state.graph.index.get(command.to);
  const branch = body.cases.findIndex((each) => target !== undefined && each.then.includes(target));
  if (branch < 0) {
    const names = body.cases.flatMap((each) => each.then.map((to) => taskAt(state.graph, to).name));
    return refusal(
      'steer.unknown-branch',
      `"${command.task}" has no branch to "${command.to}"; its branches lead to ${names.join(', ')}`,
    );
  }
  const steered: RunEvent = {
    type: 'TaskSteered',
    at: now,
    task: command.task,
    branch,
    by: command.by,
  };
  if (node.status.name !== 'ended') return [steered];
  const again = withDescendants(state.graph, [index]);
  const running = underway(state, again);
  if (running !== undefined) {
    return refusal('restart.running', `"${running}" after the switch is still running`);
  }
  const reset = namesOf(state.graph, again);
  return [{ type: 'RunRestarted', at: now, by: command.by, reset }, steered];
}

function restartRun(state: RunState, command: RestartRun, context: Context): Decision {
  const choice = restartChoice(state, command, context);
  if (isRefusal(choice)) return choice;
  return [
    {
      type: 'RunRestarted',
      at: context.now,
      by: command.by,
      reset: choice.reset,
      ...(command.version !== undefined && { version: command.version }),
      ...(command.mapping !== undefined && { mapping: command.mapping }),
    },
  ];
}

function restartChoice(
  state: RunState,
  command: RestartRun,
  context: Context,
): RestartChoice | Refusal {
  if (state.cancel !== undefined && state.end === undefined) {
    return refusal('run.wrong-status', 'the run is being cancelled; restart it when that is done');
  }
  const version = command.version ?? state.version;
  const target =
    version === state.version ? state.graph : context.versions(state.workflow, version).graph;
  const choice = chooseRestart(state, command, target);
  if (isRefusal(choice)) return choice;
  const item = choice.itemStops.find((index) => isOutside(state, nodeAt(state, index)));
  const running =
    underway(state, choice.stops) ?? (item === undefined ? undefined : refOf(state, item));
  if (running !== undefined) return refusal('restart.running', `"${running}" is still running`);
  return choice;
}

/** What RestartRun would do, before it does it. */
export function previewRestart(
  state: RunState,
  command: RestartRun,
  context: Context,
): RestartPreview | Refusal {
  const choice = restartChoice(state, command, context);
  if (isRefusal(choice)) return choice;
  const version = command.version ?? state.version;
  return { keeps: choice.keeps, runsAgain: choice.reset, version };
}
