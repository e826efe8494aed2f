/**
 * settle(state, now) → events: what a run decides by itself after something happened.
 *
 * It works off the worklist that `evolve` fills: tasks that no edge will take, conditions to look
 * at, switches, waits, approvals, lists to expand, mapped tasks whose items have ended; and at last
 * the end of the run. Called until it gives nothing; then the run rests until the next command.
 */
import { FIRST_INSTANT, LAST_INSTANT } from '../../model/bounds.ts';
import type { TaskDefinition } from '../../model/definition.ts';
import { bug } from '../../model/errors.ts';
import { ExpressionError } from '../../language/expression.ts';
import { INSTANT_FORM, readInstant } from '../../model/instant.ts';
import type { Json, JsonObject } from '../../model/json.ts';
import type { Failure, RunEnd, RunEnded, RunEvent, TaskEnded } from '../../model/run.ts';
import {
  definitionOf,
  edgesAllow,
  indexOf,
  isDispatched,
  isHeld,
  isMapped,
  nodeAt,
  refOf,
} from './nodes.ts';
import { expressionFailure, isTrue, scopeOf } from './scope.ts';
import type { Node, RunState } from './state.ts';
import { statusOf } from './status.ts';
import { taskEnded } from './task-ended.ts';

const MOST_ITEMS = 100_000;

/** The next thing that follows from the state, or nothing. One event at a time keeps it simple. */
export function settle(state: RunState, now: number): RunEvent | null {
  for (;;) {
    const index = state.worklist.pop();
    if (index === undefined) return runEnd(state, now);
    const event = consider(state, index, now);
    if (event !== null) return event;
  }
}

/** What has come up by itself is decided: until a command comes, nothing more follows. */
export function isAtRest(state: RunState): boolean {
  return state.worklist.length === 0 && !isOver(state);
}

/** Nothing in it is alive. One that continues after its end waits until its parent has heard of it. */
function isOver(state: RunState): boolean {
  return state.end === undefined && state.alive === 0 && state.untold === undefined;
}

/**
 * What of a worklist that is not worked off gives an event: nothing in a run that is at rest. Told
 * by status alone, in the order in which it came up.
 */
export function unsettled(state: RunState): number[] {
  if (state.cancel !== undefined || state.end !== undefined) return [];
  return [...new Set(state.worklist)].filter((index) => isUnsettled(state, index));
}

function isUnsettled(state: RunState, index: number): boolean {
  // A restart can leave fewer nodes than there were.
  const node = state.nodes[index];
  switch (node?.status.name) {
    case 'waiting':
      return (
        node.item === undefined &&
        (node.open === 0 || edgesAllow(state, index, node, definitionOf(state, node)))
      );
    case 'queued':
      return !isHeld(state, node) && !isDispatched(definitionOf(state, node), node);
    case 'running':
      return node.items !== undefined && node.items.ended === node.items.values.length;
    case undefined:
    case 'unknown':
    case 'retrying':
    case 'deciding':
    case 'ended':
      return false;
  }
}

function consider(state: RunState, index: number, now: number): RunEvent | null {
  if (state.cancel !== undefined || state.end !== undefined) return null;
  const node = nodeAt(state, index);
  const definition = definitionOf(state, node);
  switch (node.status.name) {
    case 'waiting':
      // A hold stops the start, not the look at the condition: a held run still has a task alive.
      if (node.item !== undefined) return null;
      if (edgesAllow(state, index, node, definition)) return admit(state, index, definition, now);
      return node.open === 0
        ? { type: 'TaskSkipped', at: now, task: refOf(state, index), because: 'edges' }
        : null;
    case 'queued':
      if (isHeld(state, node) || isDispatched(definition, node)) return null;
      return safely(state, index, now, () => perform(state, index, node, definition, now));
    case 'running':
      return itemsEnded(state, index, node, now);
    case 'unknown':
    case 'retrying':
    case 'deciding':
    case 'ended':
      return null;
  }
}

function admit(
  state: RunState,
  index: number,
  definition: TaskDefinition,
  now: number,
): RunEvent | null {
  const when = definition.when;
  const task = refOf(state, index);
  if (when === undefined) return { type: 'TaskQueued', at: now, task, values: {} };
  return safely(state, index, now, () => {
    const values = { [when]: isTrue(state, when) };
    return values[when] === true
      ? { type: 'TaskQueued', at: now, task, values }
      : { type: 'TaskSkipped', at: now, task, because: 'when', values };
  });
}

/** An expression that cannot be evaluated fails its task, never the engine. */
function safely(state: RunState, index: number, now: number, decide: () => RunEvent): RunEvent {
  try {
    return decide();
  } catch (error) {
    const failure = expressionFailure(error);
    return taskEnded(currentOf(state, index), 'failed', now, { failure });
  }
}

/** The current attempt of a node. */
function currentOf(state: RunState, index: number): Pick<TaskEnded, 'task' | 'attempt'> {
  return { task: refOf(state, index), attempt: nodeAt(state, index).attempt };
}

function perform(
  state: RunState,
  index: number,
  node: Node,
  definition: TaskDefinition,
  now: number,
): RunEvent {
  if (isMapped(definition, node)) return expand(state, index, definition, now);
  const body = definition.body;
  switch (body.kind) {
    case 'switch':
      return chooseBranch(state, index, node, body.cases, now);
    case 'wait':
      return wait(state, index, node, body, now);
    case 'approve':
      return {
        type: 'TaskStarted',
        at: now,
        task: refOf(state, index),
        attempt: node.attempt,
        ...(body.expiresMs !== undefined && { wakeAt: now + body.expiresMs }),
      };
    case 'action':
    case 'workflow':
      return bug('dispatched by the engine');
  }
}

function expand(state: RunState, index: number, definition: TaskDefinition, now: number): RunEvent {
  const source = definition.each?.items ?? bug('mapped');
  let items: Json;
  if (typeof source === 'string') {
    const expression = state.expressions.expression(source);
    items = expression.evaluate(scopeOf(state, expression.tasks));
  } else {
    items = source;
  }
  if (!Array.isArray(items))
    throw new ExpressionError(`each: ${JSON.stringify(source).slice(0, 80)} is not a list`);
  if (items.length > MOST_ITEMS) {
    throw new ExpressionError(`each: ${items.length} items; at most ${MOST_ITEMS} are allowed`);
  }
  return {
    type: 'TaskExpanded',
    at: now,
    task: refOf(state, index),
    items: items as readonly Json[],
  };
}

function chooseBranch(
  state: RunState,
  index: number,
  node: Node,
  cases: readonly { readonly when?: string }[],
  now: number,
): RunEvent {
  const values: Record<string, Json> = {};
  let branch = node.steer?.branch;
  for (const [position, { when }] of cases.entries()) {
    if (branch !== undefined) break;
    const holds = when === undefined || isTrue(state, when, node);
    if (when !== undefined) values[when] = holds;
    if (holds) branch = position;
  }
  // Without a branch: no case holds, and there is no `else`.
  return taskEnded(currentOf(state, index), 'succeeded', now, { branch, values });
}

function wait(
  state: RunState,
  index: number,
  node: Node,
  body: { readonly forMs?: number; readonly until?: string },
  now: number,
): RunEvent {
  const wakeAt =
    body.forMs !== undefined
      ? now + body.forMs
      : instant(state, node, body.until ?? bug('a wait has a duration or an instant'));
  const of = currentOf(state, index);
  if (wakeAt <= now) return taskEnded(of, 'succeeded', now, { startedAt: now });
  return { type: 'TaskStarted', at: now, ...of, wakeAt };
}

function instant(state: RunState, node: Node, until: string): number {
  const template = state.expressions.single(until);
  const text = (template.render(scopeOf(state, template.tasks, node)) as readonly Json[])[0];
  const time = typeof text === 'string' ? readInstant(text) : text;
  if (typeof time === 'number' && time >= FIRST_INSTANT && time <= LAST_INSTANT) return time;
  throw new ExpressionError(
    `wait: ${JSON.stringify(text)} is not a time with its zone; ${INSTANT_FORM}`,
  );
}

function itemsEnded(state: RunState, index: number, node: Node, now: number): RunEvent | null {
  const items = node.items;
  if (items === undefined || node.item !== undefined || items.ended < items.values.length)
    return null;
  const of = currentOf(state, index);
  const startedAt = node.status.name === 'running' ? node.status.startedAt : undefined;
  if (items.failed === 0) return taskEnded(of, 'succeeded', now, { startedAt });
  const message = `${items.failed} of ${items.values.length} items failed`;
  const failure: Failure = { class: 'failed', code: 'items.failed', message };
  return taskEnded(of, 'failed', now, { startedAt, failure });
}

/**
 * A run ends when nothing in it is alive: what still waits is blocked by a failure. One that continues
 * after its end waits until its parent has heard of it: else the new end would be lost.
 */
function runEnd(state: RunState, now: number): RunEnded | null {
  if (!isOver(state)) return null;
  const end: RunEnd = endOf(state);
  const outputs = state.definition.outputs;
  if (end !== 'succeeded' || outputs === undefined) return { type: 'RunEnded', at: now, end };
  try {
    return { type: 'RunEnded', at: now, end, output: outputsOf(state, outputs) };
  } catch (error) {
    const failure = expressionFailure(error, 'outputs: ');
    return { type: 'RunEnded', at: now, end: 'failed', failure };
  }
}

function outputsOf(state: RunState, outputs: JsonObject): JsonObject {
  const template = state.expressions.template(outputs);
  try {
    return template.render(scopeOf(state, template.tasks)) as JsonObject;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const each = Object.entries(outputs).map(([name, value]) => [name, outputOr(state, value)]);
    return Object.fromEntries(each) as JsonObject;
  }
}

/** Of a branch that was not taken there is nothing to give: null, and no failure of the run. */
function outputOr(state: RunState, value: Json): Json {
  const template = state.expressions.single(value);
  try {
    return (template.render(scopeOf(state, template.tasks)) as readonly Json[])[0] ?? null;
  } catch (error) {
    if (!(error instanceof ExpressionError) || !template.tasks.some(isSkipped)) throw error;
    return null;
  }
  function isSkipped(name: string): boolean {
    const index = indexOf(state, name);
    return index !== undefined && statusOf(state, nodeAt(state, index)) === 'skipped';
  }
}

function endOf(state: RunState): RunEnd {
  if (state.cancel !== undefined) return state.cancel.timedOut ? 'timed-out' : 'cancelled';
  return state.failed > 0 ? 'failed' : 'succeeded';
}
