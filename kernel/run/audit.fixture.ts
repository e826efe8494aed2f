/**
 * What must hold of a run after every step, whatever was done to it: the fold of its events gives
 * the same state and the same plan, and every count and edge equals a recount from scratch.
 */
import { isDeepStrictEqual } from 'node:util';
import type { RunEvent } from '../../model/run.ts';
import type { VersionLookup } from './context.ts';
import { gatesOf, NO_OVERLAY } from './gates.ts';
import { closes, edgeTaken, isFailure, isMapped, refOf } from './nodes.ts';
import { definitionOf } from './nodes.ts';
import { type Effect, effectsOf, plan } from './plan.ts';
import type { RunState } from './state.ts';
import { replay } from './step.ts';

/** Everything that is wrong, in words; empty when all is well. */
export function audit(
  state: RunState,
  events: readonly RunEvent[],
  versions: VersionLookup,
): string[] {
  return [
    ...replayed(state, events, versions),
    ...counts(state),
    ...edges(state, events),
    ...items(state),
    ...reasons(state),
    ...ended(state),
  ];
}

function replayed(state: RunState, events: readonly RunEvent[], versions: VersionLookup): string[] {
  const stored = JSON.parse(JSON.stringify(events)) as RunEvent[];
  const wrong = events.flatMap((event, index) =>
    isDeepStrictEqual(event, stored[index])
      ? []
      : [`event ${index} is not what JSON says: ${JSON.stringify(event)}`],
  );
  const folded = replay(state.id, stored, versions);
  for (const key of Object.keys({ ...state, ...folded }) as (keyof RunState)[]) {
    if (key === 'worklist' || key === 'touched' || key === 'graph') continue;
    if (isDeepStrictEqual(folded[key], state[key])) continue;
    wrong.push(`replay: ${key} is ${show(folded[key])}, live ${show(state[key])}`);
  }
  if (state.seq !== events.length) wrong.push(`seq ${state.seq}, ${events.length} events`);
  if (!isDeepStrictEqual(plan(folded), plan(state))) wrong.push('replay: another plan');
  return wrong;
}

function show(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 4_000) ?? 'undefined';
}

function same(what: string, is: number, recounted: number): string[] {
  return is === recounted ? [] : [`${what} is ${is}, recounted ${recounted}`];
}

function counts(state: RunState): string[] {
  const { nodes } = state;
  const asleep = ['waiting', 'ended'];
  const failed = nodes.filter((node) => !node.closed && !node.item && isFailure(node.status));
  return [
    ...same('alive', state.alive, nodes.filter((n) => !asleep.includes(n.status.name)).length),
    ...same('ended', state.ended, nodes.filter((n) => n.status.name === 'ended').length),
    ...same('failed', state.failed, failed.length),
  ];
}

function edges(state: RunState, events: readonly RunEvent[]): string[] {
  // While a run is being cancelled no end is passed on; a restart makes up for it.
  const last = events.findLast(({ type }) => /^Run(Restarted|CancelRequested)$/.test(type));
  const passesOn = last?.type !== 'RunCancelRequested';
  return state.nodes.flatMap((node, index) => {
    const name = refOf(state, index);
    const wrong: string[] = [];
    if (node.closed && !closes(state, node)) wrong.push(`${name} is closed`);
    if (passesOn && !node.closed && closes(state, node)) wrong.push(`${name} is not closed`);
    if (node.item !== undefined) return wrong;
    const into = state.graph.in[index] ?? [];
    const closed = into.filter((edge) => state.nodes[edge.from]?.closed === true);
    const taken = closed.filter((edge) => {
      const source = state.nodes[edge.from]?.status;
      return source?.name === 'ended' && edgeTaken(edge, source);
    });
    return [
      ...wrong,
      ...same(`${name}.open`, node.open, into.length - closed.length),
      ...same(`${name}.taken`, node.taken, taken.length),
    ];
  });
}

function items(state: RunState): string[] {
  return state.nodes.flatMap((node, index) => {
    const name = refOf(state, index);
    const list = node.items;
    if (list === undefined) return [];
    if (!isMapped(definitionOf(state, node), node)) return [`${name} has items`];
    const all = state.nodes.slice(list.first, list.first + list.values.length);
    const waiting = all.filter(({ status }) => status.name === 'waiting');
    const active = all.filter(({ status }) => !['waiting', 'ended'].includes(status.name));
    const parallel = definitionOf(state, node).each?.parallel ?? 0;
    const open = node.status.name === 'running' || state.cancel !== undefined;
    return [
      ...same(`${name} ended`, list.ended, all.length - waiting.length - active.length),
      ...same(`${name} failed`, list.failed, all.filter(({ status }) => isFailure(status)).length),
      ...same(`${name} pending`, new Set(list.pending).size, waiting.length),
      ...same(`${name} pending twice`, list.pending.length, waiting.length),
      // Those that an earlier version let in may be more than the present one allows.
      ...(active.length > parallel && state.spent.size === 0
        ? [`${name}: ${active.length} items at a time`]
        : []),
      ...(waiting.length > 0 && active.length < parallel && state.cancel === undefined
        ? [`${name}: ${waiting.length} items wait, ${active.length} are in`]
        : []),
      ...(waiting.length + active.length > 0 && !open ? [`${name} ended before its items`] : []),
      ...all.flatMap((item, position) =>
        item.item?.parent === index && item.item.position === position
          ? []
          : [`${name}[${position}] is out of place`],
      ),
    ];
  });
}

/** Law 11: nothing waits without a reason. */
function reasons(state: RunState): string[] {
  return state.nodes.flatMap((node, index) => {
    const gates = gatesOf(state, index, NO_OVERLAY);
    const name = refOf(state, index);
    if (node.status.name === 'ended') return gates.length === 0 ? [] : [`${name} ended, yet waits`];
    if (gates.length === 0) return [`${name} is ${node.status.name} without a reason`];
    return gates.filter(({ message }) => message.trim() === '').map(() => `${name}: no message`);
  });
}

/** Law 10: nothing is due for a run that has ended, and nothing in it is alive. */
function ended(state: RunState): string[] {
  // A run that goes on after its end ends again when its parent has heard of it.
  const open = state.alive > 0 || state.untold !== undefined;
  if (state.end === undefined) return open ? [] : ['nothing is alive, yet no end'];
  const due = plan(state).map(
    (effect) => `${effect.kind} ${'task' in effect ? effect.task : 'of the run'} after the end`,
  );
  return state.alive === 0 ? due : [...due, 'alive after the end'];
}

/** The effects of a run as an engine knows them that looks at touched nodes only. */
export class Effects {
  readonly #known = new Map<number, readonly Effect[]>();

  /** Takes what the state touched since the last look; answers what it would have missed. */
  follow(state: RunState): string[] {
    for (const index of state.touched) this.#known.set(index, effectsOf(state, index));
    state.touched = [];
    const count = 1 + Math.max(state.nodes.length, ...this.#known.keys());
    const wrong: string[] = [];
    for (let index = 0; index < count; index++) {
      if (isDeepStrictEqual(this.#known.get(index) ?? [], effectsOf(state, index))) continue;
      wrong.push(`effects of node ${index} changed and it was not touched`);
    }
    return wrong;
  }
}
