/** A run under random hands, audited after every step. */
/* oxlint-disable vitest/no-standalone-expect -- a walk asserts for the test that it is part of */
import { expect } from 'vitest';
import type { Definition } from '../../model/definition.ts';
import type { RunEvent } from '../../model/run.ts';
import { audit, Effects } from './audit.fixture.ts';
import type { Context } from './context.ts';
import { START } from './definition.fixture.ts';
import { type Move, moveOf, type Roll } from './move.fixture.ts';
import { refOf } from './nodes.ts';
import { plan } from './plan.ts';
import { INPUTS } from './random.fixture.ts';
import { isRefusal } from '../../model/refusal.ts';
import type { RunState } from './state.ts';
import { first, step } from './step.ts';
import { prepared, type PreparedVersion } from './version.ts';

class RandomWalk {
  readonly state: RunState;
  readonly events: RunEvent[];
  now = START;
  readonly #versions: readonly PreparedVersion[];
  readonly #effects = new Effects();

  constructor(definitions: readonly Definition[]) {
    this.#versions = definitions.map(prepared);
    const by = { actor: 'somebody' };
    const parent = { run: 'r0', task: 'call', attempt: 1 };
    const { state, events } = first(
      'r1',
      { type: 'RunStarted', at: START, workflow: 'play', version: 1, inputs: INPUTS, parent, by },
      this.context(),
    );
    this.state = state;
    this.events = [...events];
    this.audit();
  }

  context(): Context {
    return {
      now: this.now,
      chance: () => 0.5,
      versions: (_, version) => this.#versions[version - 1] as PreparedVersion,
    };
  }

  make(move: Move): void {
    this.now += move.afterMs;
    const before = this.snapshot();
    const result = step(this.state, move.command, this.context());
    if (isRefusal(result)) expect(this.snapshot()).toBe(before);
    else this.events.push(...result);
    this.audit();
  }

  do(command: Move['command']): void {
    this.make({ afterMs: 0, command });
  }

  snapshot(): string {
    const { definition: _, graph: __, touched: ___, ...rest } = this.state;
    return JSON.stringify(rest);
  }

  audit(): void {
    const { versions } = this.context();
    const wrong = audit(this.state, this.events, versions);
    expect([...wrong, ...this.#effects.follow(this.state)]).toEqual([]);
  }

  /** Takes every hold away. */
  letGo(): void {
    const by = { actor: 'operator' };
    this.do({ type: 'ReleaseRun', run: 'r1', by });
    this.state.nodes.forEach((node, index) => {
      if (node.hold === undefined) return;
      this.do({ type: 'ReleaseTask', run: 'r1', by, task: refOf(this.state, index) });
    });
  }

  /** Answers what the plan asks for, and nothing else; approvals are given by a person. */
  drive(steps: number): void {
    for (let i = 0; i < steps && this.state.end === undefined; i++) {
      const move = this.nextMove();
      if (move === undefined) return;
      const result = step(this.state, move, this.context());
      expect(isRefusal(result) ? `${move.type}: ${result.message}` : 'done').toBe('done');
      if (!isRefusal(result)) this.events.push(...result);
    }
  }

  nextMove(): Move['command'] | undefined {
    if (this.state.untold !== undefined && this.state.alive === 0)
      return { type: 'TellParent', run: 'r1', takesOver: true };
    const effects = plan(this.state);
    const work = effects.find((effect) => effect.kind !== 'timer');
    if (work !== undefined) {
      const at = { run: 'r1', task: work.task, attempt: work.attempt };
      if (work.kind === 'follow' && work.cancel) return { type: 'ConfirmCancel', ...at };
      if (work.kind === 'follow' && work.unknown) return { type: 'ResolveUnknown', ...at };
      return { type: 'CompleteTask', ...at, output: { done: true }, startedAt: this.now };
    }
    const timer = effects
      .filter((effect) => effect.kind === 'timer')
      .toSorted((a, b) => a.at - b.at)[0];
    if (timer !== undefined) {
      this.now = Math.max(this.now, timer.at);
      if (timer.of === 'run') return { type: 'WakeRun', run: 'r1' };
      return { type: 'WakeTask', run: 'r1', task: timer.task, attempt: timer.attempt };
    }
    const asked = this.state.nodes.findIndex(({ status }) => status.name === 'deciding');
    if (asked < 0) return undefined;
    const task = refOf(this.state, asked);
    const by = { actor: 'order-desk' };
    return { type: 'DecideApproval', run: 'r1', by, task, decision: 'approve' };
  }
}

export function randomWalk(definitions: readonly Definition[], hands: readonly Roll[]): RandomWalk {
  const run = new RandomWalk(definitions);
  for (const roll of hands) run.make(moveOf(roll, run.state, run.now));
  return run;
}
