/** A run as people see it: derived from the fold on demand, so it can never lag behind. */
import type { RunStatus, RunSummary, RunView, TaskView } from '../../model/run.ts';
import { ExpressionError } from '../../language/expression.ts';
import { gatesOf, type Overlay } from './gates.ts';
import { definitionOf, isMapped, nodeAt, refOf } from './nodes.ts';
import { scopeOf, templateOf } from './scope.ts';
import type { Node, RunState } from './state.ts';
import { statusOf } from './status.ts';

export function runStatusOf(state: RunState): RunStatus {
  if (state.end !== undefined) return state.end.end;
  if (state.cancel !== undefined) return 'cancelling';
  return state.hold === undefined ? 'running' : 'held';
}

export function summaryOf(state: RunState): RunSummary {
  return {
    id: state.id,
    workflow: state.workflow,
    version: state.version,
    status: runStatusOf(state),
    ...(state.key !== undefined && { key: state.key }),
    ...(state.businessDate !== undefined && { businessDate: state.businessDate }),
    ...(state.parent !== undefined && { parent: state.parent }),
    by: state.by,
    createdAt: state.createdAt,
    ...(state.end !== undefined && { endedAt: state.end.at }),
    tasks: { total: state.nodes.length, ended: state.ended, failed: state.failed },
  };
}

export function viewOf(state: RunState, overlay: Overlay): RunView {
  const title = state.definition.title;
  return {
    ...summaryOf(state),
    ...(title !== undefined && { title }),
    inputs: state.inputs,
    ...(state.end?.output !== undefined && { output: state.end.output }),
    ...(state.end?.failure !== undefined && { failure: state.end.failure }),
    ...(state.hold !== undefined && { held: state.hold }),
    taskViews: state.nodes.map((_, index) => taskView(state, index, overlay)),
  };
}

export function taskView(state: RunState, index: number, overlay: Overlay): TaskView {
  const node = nodeAt(state, index);
  const definition = definitionOf(state, node);
  const status = statusOf(state, node);
  const title = titleOf(state, node);
  const flightSince = status === 'queued' ? overlay.flight(index) : undefined;
  return {
    task: refOf(state, index),
    ...(title !== undefined && { title }),
    kind: definition.body.kind === 'action' ? definition.body.action : definition.body.kind,
    status: flightSince === undefined ? status : 'running',
    attempt: node.attempt,
    ...(flightSince !== undefined && { startedAt: flightSince }),
    ...statusFields(node),
    ...(isMapped(definition, node) && node.items !== undefined && { items: itemsOf(node) }),
    needs: needsOf(state, index, node),
    gates: gatesOf(state, index, overlay),
  };
}

function itemsOf(node: Node): NonNullable<TaskView['items']> {
  return {
    total: node.items?.values.length ?? 0,
    ended: node.items?.ended ?? 0,
    failed: node.items?.failed ?? 0,
  };
}

function needsOf(state: RunState, index: number, node: Node): string[] {
  if (node.item !== undefined) return [];
  const names = (state.graph.in[index] ?? []).map(
    (edge) => state.definition.tasks[edge.from]?.name ?? '',
  );
  return [...new Set(names)];
}

function titleOf(state: RunState, node: Node): string | undefined {
  const definition = definitionOf(state, node);
  if (definition.body.kind !== 'approve') return definition.title;
  try {
    const template = templateOf([definition.body.title]);
    return String((template.render(scopeOf(state, template.tasks, node)) as readonly unknown[])[0]);
  } catch (error) {
    if (error instanceof ExpressionError) return definition.body.title;
    throw error;
  }
}

type StatusFields = Partial<
  Pick<
    TaskView,
    | 'startedAt'
    | 'endedAt'
    | 'output'
    | 'failure'
    | 'job'
    | 'child'
    | 'branch'
    | 'values'
    | 'because'
    | 'forced'
  >
>;

function statusFields(node: Node): StatusFields {
  const status = node.status;
  switch (status.name) {
    case 'waiting':
      return {};
    case 'queued':
      return node.admitted === undefined ? {} : { values: node.admitted };
    case 'running':
    case 'unknown':
      return {
        startedAt: status.startedAt,
        ...(status.job !== undefined && { job: status.job }),
        ...(status.child !== undefined && { child: status.child }),
        ...(status.name === 'unknown' && { failure: status.failure }),
      };
    case 'retrying':
      return status.failure === undefined ? {} : { failure: status.failure };
    case 'deciding':
      return { startedAt: status.since };
    case 'ended':
      return {
        endedAt: status.endedAt,
        ...(status.startedAt !== undefined && { startedAt: status.startedAt }),
        ...(status.output !== undefined && { output: status.output }),
        ...(status.failure !== undefined && { failure: status.failure }),
        ...(status.branch !== undefined && { branch: status.branch }),
        ...((status.values ?? node.admitted) !== undefined && {
          values: status.values ?? node.admitted,
        }),
        ...(status.because !== undefined && { because: status.because }),
        ...(status.forced !== undefined && { forced: status.forced }),
      };
  }
}
