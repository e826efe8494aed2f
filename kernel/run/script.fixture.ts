/**
 * Plays a run in words, so that a test reads like what happens:
 *
 *   script(define({ a: {}, b: { needs: ['a'] } })).given('a ok').when('b fails').expectEvents('b failed', 'run failed')
 *
 * Reports: `a starts [again]` · `a submits` · `a ok [JSON]` · `a fails [class] [retry-after]` · `a unknown` ·
 * `a resolved` · `a stopped` · `a wakes` · `a reopens child`; `parent waits`, `parent refuses`; `a#2 ok` is about attempt 2, without it about the current one.
 * Operators: `hold [a]` · `release [a]` · `cancel` · `skip a` · `force a failed` · `rerun a` ·
 * `steer s b` · `approve a` · `reject a` · `restart [v2] [new=old] [a b[1]]`. Time: `+5000` · `run wakes`.
 *
 * After every step the run is audited.
 */
/* oxlint-disable vitest/no-standalone-expect -- a script asserts for the test that it is part of */
import { expect } from 'vitest';
import type { Definition, ErrorClass } from '../../model/definition.ts';
import type { Json, JsonObject } from '../../model/json.ts';
import type {
  AttemptReport,
  DoorCommand,
  Failure,
  Gate,
  OperatorCommand,
  ParentTask,
  Refusal,
  RunEvent,
} from '../../model/run.ts';
import { audit, Effects } from './audit.fixture.ts';
import type { Context } from './context.ts';
import { BY, START } from './definition.fixture.ts';
import { gatesOf, NO_OVERLAY, type Overlay } from './gates.ts';
import { indexOf, nodeAt, refOf } from './nodes.ts';
import { isRefusal } from '../../model/refusal.ts';
import type { Node, RunState } from './state.ts';
import { statusOf } from './status.ts';
import { first, step } from './step.ts';
import { prepared, type PreparedVersion } from './version.ts';

export function script(
  definition: Definition | readonly Definition[],
  inputs: JsonObject = {},
): Script {
  return new Script(Array.isArray(definition) ? definition : [definition as Definition], inputs);
}

/** The same for a child run. */
export function scriptOfChild(definition: Definition): Script {
  return new Script([definition], {}, { run: 'r0', task: 'call', attempt: 1 });
}

export class Script {
  readonly state: RunState;
  readonly events: RunEvent[];
  now = START;
  chance = 0;
  /** Nodes that the last step touched. */
  touched: readonly number[] = [];
  /** What the last `when` gave. */
  last: readonly RunEvent[] | Refusal = [];
  readonly #versions: readonly PreparedVersion[];
  readonly #effects = new Effects();

  constructor(versions: readonly Definition[], inputs: JsonObject, parent?: ParentTask) {
    this.#versions = versions.map(prepared);
    const origin = parent === undefined ? {} : { parent };
    const begun = first(
      'r1',
      { type: 'RunStarted', at: START, workflow: 'play', version: 1, inputs, ...origin, by: BY },
      this.context(),
    );
    this.state = begun.state;
    this.events = [...begun.events];
    this.last = begun.events;
    this.audit();
  }

  context(): Context {
    return {
      now: this.now,
      chance: () => this.chance,
      versions: (_, version) => {
        const found = this.#versions[version - 1];
        if (found === undefined) throw new Error(`no version ${version}`);
        return found;
      },
    };
  }

  /** Steps that must not be refused. */
  given(...steps: readonly string[]): this {
    for (const words of steps) {
      this.when(words);
      if (isRefusal(this.last)) throw new Error(`"${words}" was refused: ${this.last.message}`);
    }
    return this;
  }

  when(words: string): this {
    const time = /^\+(\d+)$/.exec(words);
    if (time === null) this.do(commandOf(words, this.state));
    else {
      this.now += Number(time[1]);
      this.last = [];
    }
    return this;
  }

  do(command: DoorCommand | AttemptReport): readonly RunEvent[] | Refusal {
    const before = JSON.stringify(this.state.nodes);
    const { seq } = this.state;
    this.last = step(this.state, command, this.context());
    if (isRefusal(this.last)) {
      expect(JSON.stringify(this.state.nodes)).toBe(before);
      expect(this.state.seq).toBe(seq);
    } else {
      this.events.push(...this.last);
    }
    this.audit();
    return this.last;
  }

  audit(): void {
    this.touched = this.state.touched;
    const missed = this.#effects.follow(this.state);
    const wrong = audit(this.state, this.events, this.context().versions);
    expect([...wrong, ...missed]).toEqual([]);
  }

  /** What the last step recorded, each event in a few words. */
  expectEvents(...events: readonly string[]): this {
    expect(isRefusal(this.last) ? [this.last.message] : this.last.map(textOf)).toEqual(events);
    return this;
  }

  expectRefusal(code: string, message: RegExp | string = /./): this {
    expect(this.last).toMatchObject({ refused: true, code });
    expect(isRefusal(this.last) ? this.last.message : '').toMatch(message);
    return this;
  }

  expectCarriedOut(): this {
    expect(isRefusal(this.last) ? this.last.message : this.last.length).toBeGreaterThan(0);
    return this;
  }

  /** Where every node and the run stand: `a:succeeded b:waiting run:failed`. */
  get standing(): string {
    const { nodes, end, cancel, hold } = this.state;
    const tasks = nodes.map(
      (node, index) => `${refOf(this.state, index)}:${statusOf(this.state, node)}`,
    );
    const open = cancel === undefined ? (hold === undefined ? 'going' : 'held') : 'cancelling';
    return [...tasks, `run:${end?.end ?? open}`].join(' ');
  }

  node(ref: string): Node {
    return nodeAt(this.state, indexOf(this.state, ref) ?? -1);
  }

  gates(ref: string, overlay: Overlay = NO_OVERLAY): Gate[] {
    return gatesOf(this.state, indexOf(this.state, ref) ?? -1, overlay);
  }
}

/** An event in a few words: what happened to what, and how. */
export function textOf(event: RunEvent): string {
  switch (event.type) {
    case 'RunEnded':
      return `run ${event.end}`;
    case 'TaskEnded':
      return `${event.task} ${event.end}`;
    case 'TaskSkipped':
      return `${event.task} skipped by ${event.because}`;
    case 'TaskRetrying':
      return `${event.task} again at +${event.nextAt - START}`;
    case 'RunRestarted':
      return `restarted ${event.reset.join(' ')}`.trim();
    case 'TaskCancelRequested':
      return `${event.task} to stop because of ${event.because}`;
    case 'TaskMarkedUnknown':
      return `${event.task} unknown`;
    case 'TaskStarted':
    case 'TaskSubmitted':
    case 'TaskResolved':
    case 'TaskWoken':
    case 'TaskQueued':
    case 'TaskExpanded':
    case 'TaskSteered':
    case 'TaskRerun':
    case 'TaskReopened':
    case 'TaskHeld':
    case 'TaskReleased':
      return `${event.task} ${event.type.slice('Task'.length).toLowerCase()}`;
    case 'ParentTold':
      return `parent ${event.takesOver ? 'takes over' : 'does not take over'}`;
    case 'RunStarted':
    case 'RunHeld':
    case 'RunReleased':
    case 'RunCancelRequested':
      return `run ${event.type.slice('Run'.length).toLowerCase()}`;
  }
}

export function commandOf(words: string, state: RunState): DoorCommand | AttemptReport {
  const [head = '', verb = '', ...rest] = words.split(' ');
  const operator = operatorCommand(
    head,
    [verb, ...rest].filter((word) => word !== ''),
  );
  if (operator !== undefined) return operator;
  if (head === 'parent') return { type: 'TellParent', run: 'r1', takesOver: verb === 'waits' };
  if (words === 'run wakes') return { type: 'WakeRun', run: 'r1' };
  const [task = '', number] = head.split('#');
  const index = indexOf(state, task);
  const current = index === undefined ? 0 : nodeAt(state, index).attempt;
  const at = { run: 'r1', task, attempt: number === undefined ? current : Number(number) };
  return reportCommand(at, verb, rest);
}

function operatorCommand(verb: string, words: readonly string[]): OperatorCommand | undefined {
  const [task = '', second = ''] = words;
  const of = { run: 'r1', by: BY } as const;
  const on = { ...of, task };
  switch (verb) {
    case 'hold':
      return task === '' ? { type: 'HoldRun', ...of } : { type: 'HoldTask', ...on };
    case 'release':
      return task === '' ? { type: 'ReleaseRun', ...of } : { type: 'ReleaseTask', ...on };
    case 'cancel':
      return { type: 'CancelRun', ...of };
    case 'skip':
      return { type: 'SkipTask', ...on };
    case 'force':
      return { type: 'ForceTask', ...on, as: second === 'failed' ? 'failed' : 'succeeded' };
    case 'rerun':
      return { type: 'RerunTask', ...on };
    case 'steer':
      return { type: 'SteerTask', ...on, to: second };
    case 'approve':
    case 'reject':
      return { type: 'DecideApproval', ...on, decision: verb };
    case 'restart':
      return restartCommand(words);
  }
  return undefined;
}

function restartCommand(words: readonly string[]): OperatorCommand {
  const version = words.find((word) => /^v\d+$/.test(word));
  const names = words.filter((word) => word.includes('='));
  const from = words.filter((word) => word !== version && !word.includes('='));
  return {
    type: 'RestartRun',
    run: 'r1',
    by: BY,
    ...(from.length > 0 && { from }),
    ...(version !== undefined && { version: Number(version.slice(1)) }),
    ...(names.length > 0 && {
      mapping: Object.fromEntries(names.map((pair) => pair.split('=') as [string, string])),
    }),
  };
}

function failure(kind: string): Failure {
  return { class: kind as ErrorClass, code: 'test.failed', message: `it is ${kind}` };
}

function reportCommand(
  at: { readonly run: string; readonly task: string; readonly attempt: number },
  verb: string,
  rest: readonly string[],
): DoorCommand | AttemptReport {
  const [word, after] = rest;
  switch (verb) {
    case 'reopens':
      return { type: 'ReopenTask', ...at, child: word ?? '', by: BY };
    case 'starts':
      if (word === 'again') return { type: 'StartTask', ...at, again: true };
      return { type: 'StartTask', ...at, ...(word !== undefined && { child: word }) };
    case 'submits':
      return { type: 'SubmitTask', ...at, job: 'job-1' };
    case 'ok': {
      const output = (rest.length === 0 ? null : JSON.parse(rest.join(' '))) as Json;
      return { type: 'CompleteTask', ...at, output, startedAt: START };
    }
    case 'fails': {
      const base = { type: 'FailTask', ...at, startedAt: START } as const;
      const retryAfterMs = after === undefined ? {} : { retryAfterMs: Number(after) };
      return { ...base, failure: failure(word ?? 'failed'), ...retryAfterMs };
    }
    case 'unknown':
      return { type: 'MarkUnknown', ...at, failure: failure('unknown') };
    case 'resolved':
      return { type: 'ResolveUnknown', ...at };
    case 'stopped':
      return { type: 'ConfirmCancel', ...at };
    case 'wakes':
      return { type: 'WakeTask', ...at };
  }
  throw new Error(`"${at.task} ${verb}" means nothing`);
}
