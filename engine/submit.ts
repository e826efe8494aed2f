/**
 * The door: every command of a person, a parent or a policy comes in here, and what it accepted
 * is durable when it answers (laws 1 and 4).
 */
import type { Journal, NodeLease } from '../journal/journal.ts';
import { previewRestart } from '../kernel/decide.ts';
import { NO_OVERLAY } from '../kernel/gates.ts';
import { refusal } from '../kernel/refusal.ts';
import { viewOf } from '../kernel/view.ts';
import type { ActionCatalogue } from '../model/action.ts';
import { type ErrorCode, TuttiError } from '../model/errors.ts';
import { checkInputs } from '../model/inputs.ts';
import { readWorkflow } from '../model/read.ts';
import type {
  OperatorCommand,
  Refusal,
  RestartPreview,
  RestartRun,
  RunStarted,
  RunView,
  StartRun,
} from '../model/run.ts';
import { Bulletin } from './bulletin.ts';
import type { Clock, Ids } from './clock.ts';
import type {
  Accepted,
  BulkRequest,
  DeployRequest,
  DeployResult,
  Door,
  StartRequest,
} from './door.ts';
import type { Owner } from './owner.ts';
import type { Pipeline } from './pipeline.ts';
import { malformation } from './request.ts';
import type { Versions } from './versions.ts';

export interface DoorParts {
  readonly journal: Journal;
  readonly versions: Versions;
  readonly owner: Owner;
  readonly pipeline: () => Pipeline;
  readonly catalogue: ActionCatalogue;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Runs that memory holds at most; more wait in the journal. */
  readonly mostRuns: number;
  readonly deployed: () => Promise<void>;
  readonly stalls: () => readonly string[];
  readonly lease: () => NodeLease;
  /** The runs of a bulk command are noted: work them off. */
  readonly beginBulk: (id: string) => void;
  /** Throws while nothing may be accepted. */
  readonly open: () => void;
}

export class Entrance implements Door {
  readonly #parts: DoorParts;
  readonly #followers = new Map<string, Set<Follower>>();
  readonly #bulletin = new Bulletin();

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  async deploy(request: DeployRequest): Promise<DeployResult> {
    this.#parts.open();
    const options = {
      actions: this.#parts.catalogue,
      ...(request.file !== undefined && { file: request.file }),
    };
    const { definition, problems } = readWorkflow(request.source, options);
    if (definition === null || problems.length > 0) return { refused: true, problems };
    const { version, changed } = await this.#parts.journal.deploy({
      workflow: definition.name,
      definition,
      source: request.source,
      directory: request.directory ?? '',
      deployedAt: this.#parts.clock.now(),
      by: request.by,
    });
    this.#parts.versions.forget(definition.name);
    await this.#parts.deployed();
    return { refused: false, workflow: definition.name, version, changed };
  }

  async start(request: StartRequest): Promise<Accepted | Refusal> {
    this.#parts.open();
    return this.#parts.pipeline().admission.through(() => this.#admitted(request));
  }

  async #admitted(request: StartRequest): Promise<Accepted | Refusal> {
    const { ids, owner, mostRuns } = this.#parts;
    this.#parts.open();
    const command: StartRun = { ...request, type: 'StartRun', run: request.run ?? ids.run() };
    const malformed = malformation(command);
    if (malformed !== undefined) return refusal('request.invalid', malformed);
    return this.begin(command, owner.live.size >= mostRuns);
  }

  /** A child run is never put to sleep for want of room: its parent holds room while it waits. */
  async begin(command: StartRun, asleep: boolean): Promise<Accepted | Refusal> {
    const { versions, owner, clock } = this.#parts;
    const row = await versions.get(command.workflow, command.version ?? null);
    if (row === null) return this.#noVersion(command);
    const checked = checkInputs(row.definition, command.inputs);
    if ('problems' in checked) {
      return refusal(
        'inputs.invalid',
        checked.problems.map((problem) => problem.message).join('; '),
      );
    }
    const event: RunStarted = {
      type: 'RunStarted',
      at: clock.now(),
      workflow: row.workflow,
      version: row.version,
      inputs: checked.inputs,
      ...(command.key !== undefined && { key: command.key }),
      ...(command.businessDate !== undefined && { businessDate: command.businessDate }),
      ...(command.parent !== undefined && { parent: command.parent }),
      ...(command.trace !== undefined && { trace: command.trace }),
      by: command.by,
    };
    try {
      await settled((done) => owner.begin(command.run, event, row.directory, asleep, done));
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

  async #noVersion(command: StartRun): Promise<Refusal> {
    if (
      command.version !== undefined &&
      (await this.#parts.versions.get(command.workflow, null)) !== null
    ) {
      return refusal(
        'version.unknown',
        `workflow "${command.workflow}" has no version ${command.version}`,
      );
    }
    return refusal(
      'workflow.unknown',
      `there is no workflow "${command.workflow}"; deploy it first`,
    );
  }

  async submit(command: OperatorCommand): Promise<Accepted | Refusal> {
    this.#parts.open();
    await this.#parts.pipeline().room();
    const { owner } = this.#parts;
    const missing = await this.#fetchVersion(command);
    if (missing !== undefined) return missing;
    const answer = await owner.with(command.run, async (run) => {
      let refused: Refusal | undefined;
      await settled((done) => {
        refused = owner.apply(run, command, done);
        if (refused !== undefined) done();
      });
      // Refused, or there was nothing to record: it stays in memory for nobody.
      owner.release(run);
      return refused;
    });
    if (answer === null) return noRun(command.run);
    return answer ?? { refused: false, run: command.run };
  }

  async bulk(request: BulkRequest): Promise<Accepted | Refusal> {
    this.#parts.open();
    const { created, total } = await this.#parts.journal.bulks.create(this.#parts.lease(), request);
    if (!created) {
      return refusal(
        'bulk.miscounted',
        `the filter finds ${total} runs now, not ${request.expected}`,
      );
    }
    this.#parts.beginBulk(request.id);
    return { refused: false, run: request.id };
  }

  async cancelBulk(id: string): Promise<void> {
    await this.#parts.journal.bulks.cancel(id);
  }

  async preview(command: RestartRun): Promise<RestartPreview | Refusal> {
    const { owner, clock, versions } = this.#parts;
    const read = await owner.read(command.run);
    if (read === null) return noRun(command.run);
    const missing = await this.#fetchVersion(command);
    if (missing !== undefined) return missing;
    const context = { now: clock.now(), chance: () => 0, definitions: versions.definitions };
    return previewRestart(read.run.state, command, context);
  }

  async inspect(id: string): Promise<RunView | null> {
    const { owner } = this.#parts;
    const read = await owner.read(id);
    if (read === null) return null;
    return viewOf(read.run.state, read.live ? owner.overlay(read.run) : NO_OVERLAY);
  }

  async changed(id: string, seq: number, signal: AbortSignal): Promise<void> {
    const run = this.#parts.owner.live.get(id);
    if (signal.aborted || (run !== undefined && run.durable > seq + 1)) return;
    const followers = this.#followers.get(id) ?? new Set<Follower>();
    this.#followers.set(id, followers);
    const { promise: news, resolve: wake } = signalled();
    const follower: Follower = { seq, wake };
    followers.add(follower);
    signal.addEventListener('abort', wake, { once: true });
    // It may have changed between the caller's look and this moment.
    if (run === undefined && (await this.#parts.journal.views.events(id, seq, 1)).length > 0)
      wake();
    await news;
    signal.removeEventListener('abort', wake);
    followers.delete(follower);
    if (followers.size === 0) this.#followers.delete(id);
  }

  stalls(): readonly string[] {
    return this.#parts.stalls();
  }

  news(hear: () => void): () => void {
    return this.#bulletin.news(hear);
  }

  written(run: string, signal: AbortSignal): Promise<void> {
    return this.#bulletin.written(run, signal);
  }

  /** Lines of the run's log are in the journal. */
  logged(run: string): void {
    this.#bulletin.wrote(run);
  }

  /** Events of the run up to `durable` (exclusive) are in the journal. */
  noticed(id: string, durable: number): void {
    for (const { seq, wake } of this.#followers.get(id) ?? []) {
      if (durable > seq + 1) wake();
    }
    this.#bulletin.committed(id);
  }

  /** A restart may name a version: the kernel is given it as a value. */
  async #fetchVersion(command: OperatorCommand): Promise<Refusal | undefined> {
    if (command.type !== 'RestartRun' || command.version === undefined) return undefined;
    const { owner, versions } = this.#parts;
    const workflow = (await owner.read(command.run))?.run.state.workflow;
    if (workflow === undefined) return noRun(command.run);
    if ((await versions.get(workflow, command.version)) !== null) return undefined;
    return refusal('version.unknown', `workflow "${workflow}" has no version ${command.version}`);
  }
}

interface Follower {
  readonly seq: number;
  readonly wake: () => void;
}

function noRun(run: string): Refusal {
  return refusal('run.unknown' satisfies ErrorCode, `there is no run ${run}`);
}

function signalled(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Turns a callback of the pipeline into a promise. */
export function settled(start: (done: (error?: Error) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}
