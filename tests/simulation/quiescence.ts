/** When a run rests: it has ended, or it waits for a person and for nothing else. */
import { MOST_CRASHES } from '../../engine/attempts/call-attempt.ts';
import { definitionOf, nodeAt } from '../../kernel/run/nodes.ts';
import { plan } from '../../kernel/run/plan.ts';
import { gatesOf, NO_OVERLAY } from '../../kernel/run/gates.ts';
import { refOf } from '../../kernel/run/nodes.ts';
import { unsettled } from '../../kernel/run/settle.ts';
import type { RunState } from '../../kernel/run/state.ts';
import { statusOf } from '../../kernel/run/status.ts';
import type { Folded, ReferenceModel } from './reference-model.ts';

export function isQuiescent(model: ReferenceModel, folded: Folded): boolean {
  const { state } = folded;
  if (state.untold !== undefined || isUndecided(state)) return false;
  return plan(state).every((effect) => {
    if (effect.kind === 'dispatch') return isShutOut(model, folded, effect.node);
    if (effect.kind === 'timer') return false;
    if (effect.child !== undefined) {
      const child = model.runs.get(effect.child);
      return child !== undefined && child.state.end === undefined && isQuiescent(model, child);
    }
    return effect.unknown && asksPerson(state, effect.node);
  });
}

/** Something follows by itself from what has happened: the end of the run, or what one of its tasks does. */
function isUndecided(state: RunState): boolean {
  return state.end === undefined && (state.alive === 0 || unsettled(state).length > 0);
}

/** Nobody can be asked what became of it: a person says so. */
function asksPerson(state: RunState, index: number): boolean {
  const node = nodeAt(state, index);
  const { body } = definitionOf(state, node);
  if (node.status.name !== 'unknown' || body.kind !== 'action') return false;
  // Or it is not called again: this node has ended too often while it was calling.
  return body.action === 'world.shout' || (node.status.again ?? 0) + 1 >= MOST_CRASHES;
}

/** The slots that it wants are held by tasks that wait for a person. */
function isShutOut(model: ReferenceModel, { state }: Folded, index: number): boolean {
  const wanted = definitionOf(state, nodeAt(state, index)).pools ?? {};
  return Object.entries(wanted).some(([pool, slots]) => {
    let held = 0;
    for (const run of model.open) {
      run.state.nodes.forEach((node, at) => {
        if (asksPerson(run.state, at)) held += definitionOf(run.state, node).pools?.[pool] ?? 0;
      });
    }
    return held + slots > (model.capacities().get(pool) ?? 0);
  });
}

/** What the first task that should go on says of itself. */
export function whyNot(model: ReferenceModel, { id, state }: Folded): string {
  const words = plan(state).map((effect) => {
    if (effect.kind === 'timer' && effect.of === 'run') return 'its own timeout';
    const node = nodeAt(state, effect.node);
    const gate = gatesOf(state, effect.node, NO_OVERLAY)[0]?.message ?? 'nothing';
    return `"${refOf(state, effect.node)}" (${definitionOf(state, node).body.kind}, ${statusOf(state, node)}, ${effect.kind}): ${gate}`;
  });
  if (isUndecided(state)) words.push('what follows by itself');
  return `${model.nameOf(id)}: ${words.join('; ')}`;
}
