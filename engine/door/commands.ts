/**
 * Commands on runs, and their start: what a person, a parent or a policy wants of a run comes in
 * here, and what is accepted is durable when the answer comes (laws 1 and 4).
 *
 *   start ──► the form is checked ──► admission (runs under way go first) ──► begun on this node
 *   submit ─► the form is checked ──► the courier: here, or on the node that owns the run
 */
import { addOrigin } from '../../kernel/run/machine.ts';
import { Patterns } from '../../language/expression/patterns.ts';
import { checkInputs } from '../../language/inputs.ts';
import { TuttiError } from '../../model/errors.ts';
import type { Mutable } from '../../model/mutable.ts';
import { refusal } from '../../model/refusal.ts';
import type { DoorCommand, Refusal, RunStarted, StartRun } from '../../model/run.ts';
import type { Clock, Ids } from '../clock.ts';
import type { Accepted, Commands, StartRequest, Via } from '../door.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { applyDurably, whenDurable } from '../runs/durable.ts';
import type { RunGate } from '../runs/run-gate.ts';
import type { RunMemory } from '../runs/run-memory.ts';
import type { Versions } from '../runs/versions.ts';
import type { Courier } from './courier.ts';
import { deformity, malformation } from './request.ts';
import { fetchVersion, unknownRun, unknownVersion } from './unknown.ts';

interface CommandParts {
  readonly gate: RunGate;
  readonly memory: RunMemory;
  readonly versions: Versions;
  readonly lifecycle: Lifecycle;
  readonly courier: Courier;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Runs that memory holds at most; more wait in the journal. */
  readonly mostRuns: number;
}

export class CommandHandler implements Commands {
  readonly #parts: CommandParts;

  /** Of declared inputs: many runs of one workflow start. */
  readonly #patterns = new Patterns();

  constructor(parts: CommandParts) {
    this.#parts = parts;
  }

  async start(request: StartRequest): Promise<Accepted | Refusal> {
    const { lifecycle, gate } = this.#parts;
    lifecycle.accept('start');
    return gate.pipeline.unwritten.admission.through(() => this.#admitted(request));
  }

  async #admitted(request: StartRequest): Promise<Accepted | Refusal> {
    const { ids, memory, mostRuns, lifecycle } = this.#parts;
    lifecycle.accept('start');
    const command = startOf(request, request.run ?? ids.run());
    return this.begin(command, memory.live.size >= mostRuns);
  }

  /** A child run is always begun here: its parent is in memory while it waits. */
  async begin(command: StartRun, full = false): Promise<Accepted | Refusal> {
    const { versions, gate, clock } = this.#parts;
    const malformed = malformation(command);
    if (malformed !== undefined) return refusal('request.invalid', malformed);
    const row = await versions.get(command.workflow, command.version ?? null);
    if (row === null) return unknownVersion(command, versions);
    const checked = checkInputs(row.definition, command.inputs, this.#patterns);
    if ('problems' in checked) {
      return refusal(
        'inputs.invalid',
        checked.problems.map((problem) => problem.message).join('; '),
      );
    }
    const { workflow, version } = row;
    const { inputs } = checked;
    const { by } = command;
    const at = clock.now();
    const event: RunStarted = { type: 'RunStarted', at, workflow, version, inputs, by };
    addOrigin(event, command);
    try {
      await whenDurable((done) => gate.begin(command.run, event, row.directory, full, done));
    } catch (error) {
      if (error instanceof TuttiError && error.code === 'run.exists') {
        return refusal(
          'run.exists',
          `workflow "${row.workflow}" has a run with key "${command.key}" already`,
        );
      }
      throw error;
    }
    return { refused: false, run: command.run };
  }

  async submit(command: DoorCommand, via?: Via): Promise<Accepted | Refusal> {
    const { lifecycle, gate, courier } = this.#parts;
    lifecycle.accept('command');
    const deformed = deformity(command);
    if (deformed !== undefined) return refusal('request.invalid', deformed);
    await gate.pipeline.unwritten.capacity();
    return courier.deliver(
      via,
      () => this.#submitHere(command),
      (peer) => peer.submit(command),
    );
  }

  async #submitHere(command: DoorCommand): Promise<Accepted | Refusal> {
    const { gate, memory, versions } = this.#parts;
    const missing = await fetchVersion(command, memory, versions);
    if (missing !== undefined) return missing;
    const answer = await memory.withRun(command.run, async (run) => {
      const refused = await applyDurably(gate, run, command);
      // Refused, or there was nothing to record: it need not stay in memory.
      memory.unloadIfIdle(run);
      return refused;
    });
    if (answer === null) return unknownRun(command.run);
    return answer ?? { refused: false, run: command.run };
  }
}

function startOf(request: StartRequest, run: string): StartRun {
  const { workflow, inputs, by } = request;
  const command: Mutable<StartRun> = { type: 'StartRun', run, workflow, inputs, by };
  if (request.version !== undefined) command.version = request.version;
  addOrigin(command, request);
  return command;
}
