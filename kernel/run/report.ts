/**
 * What came of an attempt: the engine's own commands. A report about an attempt that is over is
 * refused as stale, so neither a late outcome nor a late timer can bring anything back (law 10).
 */
import { ENGINE } from '../../model/actor.ts';
import type { TaskDefinition } from '../../model/definition.ts';
import type {
  AttemptReport,
  CompleteTask,
  Failure,
  FailTask,
  Refusal,
  RunEvent,
  WakeTask,
} from '../../model/run.ts';
import type { TellParent } from '../../model/family.ts';
import { approvalEnded } from './approval.ts';
import type { Context, Decision } from './context.ts';
import { definitionOf, indexOf, isDispatched, isHeld, isMapped, nodeAt } from './nodes.ts';
import { refusal } from '../../model/refusal.ts';
import { retryDelayMs } from './retry.ts';
import { expressionFailure, isTrue } from './scope.ts';
import type { Node, NodeStatus, Running, RunState, Unknown } from './state.ts';
import { taskEnded } from './task-ended.ts';

const BY_TIME = { actor: ENGINE } as const;

export function report(state: RunState, command: AttemptReport, context: Context): Decision {
  if (command.type === 'WakeRun') return wakeRun(state, context.now);
  if (command.type === 'TellParent') return parentTold(state, command, context.now);
  const index = indexOf(state, command.task);
  const node = index === undefined ? undefined : nodeAt(state, index);
  if (node === undefined || !isCurrent(node, command)) {
    return refusal('task.stale', `attempt ${command.attempt} of "${command.task}" is over`);
  }
  const { now } = context;
  const { task, attempt } = command;
  if (command.type !== 'WakeTask' && !isDispatched(definitionOf(state, node), node)) {
    return refusal('task.stale', `"${task}" has no attempt outside`);
  }
  // What has begun runs to its outcome, also when its call must be made again for that.
  if (command.type === 'StartTask' && !isUnderway(node.status) && isHeld(state, node)) {
    return refusal('task.wrong-status', `"${task}" is held: it is not to start`);
  }
  switch (command.type) {
    case 'StartTask':
      return [
        {
          type: 'TaskStarted',
          at: now,
          task,
          attempt,
          ...(command.child !== undefined && { child: command.child }),
          ...(command.place !== undefined && { place: command.place }),
          ...(isUnderway(node.status) && { again: (node.status.again ?? 0) + 1 }),
        },
      ];
    case 'SubmitTask':
      return [{ type: 'TaskSubmitted', at: now, task, attempt, job: command.job }];
    case 'CompleteTask':
      return [complete(state, node, command, context)];
    case 'FailTask':
      return [fail(state, node, command, context)];
    case 'MarkUnknown':
      return node.status.name === 'unknown'
        ? []
        : [{ type: 'TaskMarkedUnknown', at: now, task, attempt, failure: command.failure }];
    case 'ResolveUnknown':
      return node.status.name === 'unknown'
        ? [{ type: 'TaskResolved', at: now, task, attempt }]
        : [];
    case 'ConfirmCancel':
      return [cancelled(state, node, task, context)];
    case 'WakeTask':
      return wake(state, node, command, now);
  }
}

function isUnderway(status: NodeStatus): status is Running | Unknown {
  return status.name === 'running' || status.name === 'unknown';
}

/**
 * An attempt is current while the node is in it. A queued node counts for an outcome: an idempotent
 * action runs without a durable start, so for the journal it is still in the queue.
 */
function isCurrent(
  node: Node,
  command: Exclude<AttemptReport, { type: 'WakeRun' | 'TellParent' }>,
): boolean {
  const status = node.status;
  if (status.name === 'ended' || status.name === 'waiting' || status.attempt !== command.attempt)
    return false;
  switch (command.type) {
    case 'StartTask':
      return status.name === 'queued' || (command.again === true && isUnderway(status));
    case 'CompleteTask':
    case 'FailTask':
      return status.name === 'queued' || status.name === 'running' || status.name === 'unknown';
    case 'SubmitTask':
    case 'MarkUnknown':
    case 'ResolveUnknown':
    case 'ConfirmCancel':
      return status.name === 'running' || status.name === 'unknown';
    case 'WakeTask':
      return status.name !== 'queued';
  }
}

function complete(state: RunState, node: Node, command: CompleteTask, context: Context): RunEvent {
  const definition = definitionOf(state, node);
  const { output, startedAt } = command;
  try {
    const until = definition.until;
    if (until !== undefined && !isTrue(state, until.holds, node, { output })) {
      // Another round would bring a cancelled run back to life.
      if (state.cancel !== undefined)
        return taskEnded(command, 'cancelled', context.now, { startedAt, output });
      if (node.rounds + 1 < until.attempts) {
        return {
          type: 'TaskRetrying',
          at: context.now,
          task: command.task,
          attempt: command.attempt,
          nextAt: context.now + until.everyMs,
        };
      }
      const message = `"${until.holds}" did not hold in ${until.attempts} attempts`;
      const failure: Failure = { class: 'failed', code: 'until.exhausted', message };
      return taskEnded(command, 'failed', context.now, { startedAt, output, failure });
    }
    const warned =
      definition.warn !== undefined && isTrue(state, definition.warn, node, { output });
    const end = warned ? 'warned' : 'succeeded';
    return taskEnded(command, end, context.now, { startedAt, output });
  } catch (error) {
    const failure = expressionFailure(error);
    return taskEnded(command, 'failed', context.now, { startedAt, output, failure });
  }
}

function fail(state: RunState, node: Node, command: FailTask, context: Context): RunEvent {
  const definition = definitionOf(state, node);
  const { failure } = command;
  const delay = nextDelay(state, node, definition, failure, context, command.retryAfterMs);
  if (delay !== null) {
    return {
      type: 'TaskRetrying',
      at: context.now,
      task: command.task,
      attempt: command.attempt,
      nextAt: context.now + delay,
      failure,
      startedAt: command.startedAt,
    };
  }
  const end = failure.class === 'timeout' ? 'timed-out' : 'failed';
  const { startedAt, output } = command;
  return taskEnded(command, end, context.now, { startedAt, output, failure });
}

function nextDelay(
  state: RunState,
  node: Node,
  definition: TaskDefinition,
  failure: Failure,
  context: Context,
  retryAfterMs?: number,
): number | null {
  if (state.cancel !== undefined) return null;
  return retryDelayMs(
    definition.retry,
    node.failures + 1,
    failure.class,
    context.chance(),
    retryAfterMs,
  );
}

/** The system confirmed that the job was stopped: because of its timeout, or of the run's end. */
function cancelled(state: RunState, node: Node, task: string, context: Context): RunEvent {
  const status = node.status;
  const startedAt = isUnderway(status) ? status.startedAt : context.now;
  const because = isUnderway(status) ? status.cancel : undefined;
  if (because === 'timeout') {
    const definition = definitionOf(state, node);
    const message = `took longer than ${definition.timeoutMs} ms`;
    const failure: Failure = { class: 'timeout', code: 'task.timed-out', message };
    const command = { task, attempt: node.attempt, startedAt, failure } as FailTask;
    return fail(state, node, command, context);
  }
  return taskEnded({ task, attempt: node.attempt }, 'cancelled', context.now, { startedAt });
}

function wake(state: RunState, node: Node, command: WakeTask, now: number): Decision {
  const status = node.status;
  const { task, attempt } = command;
  const definition = definitionOf(state, node);
  switch (status.name) {
    case 'retrying':
      return now < status.nextAt
        ? tooEarly(command)
        : [{ type: 'TaskWoken', at: now, task, attempt }];
    case 'deciding': {
      if (
        status.expiresAt === undefined ||
        now < status.expiresAt ||
        definition.body.kind !== 'approve'
      ) {
        return tooEarly(command);
      }
      return [
        approvalEnded(
          task,
          node,
          definition.body.onExpiry,
          { ...BY_TIME, reason: 'it expired' },
          now,
        ),
      ];
    }
    case 'running':
      if (status.wakeAt !== undefined) {
        if (now < status.wakeAt) return tooEarly(command);
        return [taskEnded(command, 'succeeded', now, { startedAt: status.startedAt })];
      }
      return timeout(node, definition, command, now);
    case 'unknown':
      return timeout(node, definition, command, now);
    case 'waiting':
    case 'queued':
    case 'ended':
      return tooEarly(command);
  }
}

function timeout(node: Node, definition: TaskDefinition, command: WakeTask, now: number): Decision {
  const status = node.status;
  if (status.name !== 'running' && status.name !== 'unknown') return tooEarly(command);
  const limit = definition.timeoutMs;
  if (limit === undefined || isMapped(definition, node) || status.cancel !== undefined)
    return tooEarly(command);
  if (now < status.startedAt + limit) return tooEarly(command);
  return [
    {
      type: 'TaskCancelRequested',
      at: now,
      task: command.task,
      attempt: command.attempt,
      because: 'timeout',
    },
  ];
}

function tooEarly(command: WakeTask): Decision {
  return refusal('task.stale', `nothing is due for "${command.task}"`);
}

function wakeRun(state: RunState, now: number): Decision {
  const due = state.deadline !== undefined && now >= state.deadline;
  if (!due || state.end !== undefined || state.cancel !== undefined) {
    return refusal('task.stale', 'nothing is due for the run');
  }
  return [
    {
      type: 'RunCancelRequested',
      at: now,
      by: { ...BY_TIME, reason: 'the run timed out' },
      timedOut: true,
    },
  ];
}

function parentTold(
  state: RunState,
  { takesOver, because }: TellParent,
  at: number,
): readonly RunEvent[] | Refusal {
  if (state.untold === undefined) return refusal('task.stale', 'the parent has heard of it');
  return [{ type: 'ParentTold', at, takesOver, ...(because !== undefined && { because }) }];
}
