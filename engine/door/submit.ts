/**
 * The door: every command of a person, a parent or a policy comes in here, and what it accepted
 * is durable when it answers (laws 1 and 4).
 */
import { BULK_MAX } from '../../journal/bulks.ts';
import type { Journal } from '../../journal/journal.ts';
import type { PoolRow } from '../../journal/pools.ts';
import { addOrigin, NO_OVERLAY, previewRestart, viewOf } from '../../kernel/run/machine.ts';
import { isRefusal, refusal } from '../../model/refusal.ts';
import type { Mutable } from '../../model/mutable.ts';
import { recursionOf } from '../../language/calls.ts';
import { type PoolDefinition, type SharedPool } from '../../model/pool.ts';
import { poolIssues } from '../../language/pool.ts';
import type { Definition } from '../../model/definition.ts';
import { type ErrorCode, TuttiError } from '../../model/errors.ts';
import { checkInputs } from '../../language/inputs.ts';
import type { ReadOptions, ReadResult } from '../../language/read.ts';
import type { Issue } from '../../model/issue.ts';
import type {
  By,
  DoorCommand,
  Refusal,
  Repair,
  RestartPreview,
  RestartRun,
  RunStarted,
  RunView,
  StartRun,
} from '../../model/run.ts';
import { ALL_TASKS, type TaskRange } from '../../model/task-range.ts';
import { previewAbove } from './above.ts';
import type { Clock, Ids } from '../clock.ts';
import type {
  Accepted,
  BulkRequest,
  DeployRequest,
  DeployResult,
  Door,
  RetentionRequest,
  StartRequest,
  Via,
} from '../door.ts';
import type { Courier } from './courier.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { NodeIdentity } from '../node-identity.ts';
import type { RunWatchers } from '../runs/run-watchers.ts';
import type { LiveRun } from '../runs/live-run.ts';
import type { Owner } from '../runs/owner.ts';
import type { EndedRun } from '../runs/run-listener.ts';
import { repair } from './repair.ts';
import { deformity, malformation } from './request.ts';
import type { Versions } from '../runs/versions.ts';

export type Reading = (
  source: string,
  options: Pick<ReadOptions, 'file' | 'found'>,
) => Promise<ReadResult>;

export interface DoorParts {
  readonly journal: Journal;
  readonly versions: Versions;
  readonly owner: Owner;
  /** Reads a workflow file, with the actions that there are. */
  readonly read: Reading;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Runs that memory holds at most; more wait in the journal. */
  readonly mostRuns: number;
  readonly deployed: () => Promise<void>;
  /** A run was ended by its repair. */
  readonly ended: (run: EndedRun) => void;
  readonly identity: NodeIdentity;
  readonly lifecycle: Lifecycle;
  /** The runs of a bulk command are noted: work them off. */
  readonly beginRetention: (id: string) => void;
  readonly beginBulk: (id: string) => void;
  readonly courier: Courier;
  readonly watchers: RunWatchers;
}

export class Entrance implements Door {
  readonly #parts: DoorParts;

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  async deploy(request: DeployRequest): Promise<DeployResult> {
    this.#parts.lifecycle.accept('start');
    const { read } = this.#parts;
    const options = request.file === undefined ? {} : { file: request.file };
    const { definition, pool, problems } = await read(request.source, options);
    if (pool !== undefined) return this.#deployPool(request, pool);
    if (definition === null || problems.length > 0) return { refused: true, problems };
    for (;;) {
      const beside = new Map<string, number>();
      const found = await this.#besideOthers(definition, beside);
      if (found.length > 0) {
        const placed = await read(request.source, { ...options, found });
        return { refused: true, problems: placed.problems };
      }
      const stored = await this.#store(request, definition, beside);
      if (stored !== null) return { refused: false, workflow: definition.name, ...stored };
      // Another deployment came between: it is looked at, too.
      for (const workflow of beside.keys()) this.#parts.versions.forget(workflow);
    }
  }

  async #store(
    request: DeployRequest,
    definition: Definition,
    beside: ReadonlyMap<string, number>,
  ): Promise<{ version: number; changed: boolean } | null> {
    const { journal, clock, versions, deployed } = this.#parts;
    const row = {
      workflow: definition.name,
      definition,
      source: request.source,
      directory: request.directory ?? '',
      deployedAt: clock.now(),
      by: request.by,
    };
    const stored = await journal.deploy(row, beside);
    if (stored === null) return null;
    versions.forget(definition.name);
    await deployed();
    return stored;
  }

  /** What is wrong with it only beside the workflows that are deployed; notes which versions it saw. */
  async #besideOthers(
    definition: Definition,
    beside: Map<string, number>,
  ): Promise<readonly Issue[]> {
    const { versions, journal } = this.#parts;
    const recursion = await recursionOf(definition, async (workflow) => {
      const row = await versions.get(workflow, null);
      beside.set(workflow, row?.version ?? 0);
      return row?.definition;
    });
    const pools = poolIssues(definition, sharedPools(await journal.pools()));
    return recursion === undefined ? pools : [recursion, ...pools];
  }

  async #deployPool(request: DeployRequest, pool: PoolDefinition): Promise<DeployResult> {
    const { journal, clock, deployed } = this.#parts;
    const { source, by } = request;
    const { version, changed } = await journal.deployPool({
      pool,
      source,
      deployedAt: clock.now(),
      by,
    });
    await deployed();
    return { refused: false, pool: pool.name, version, changed };
  }

  async start(request: StartRequest): Promise<Accepted | Refusal> {
    this.#parts.lifecycle.accept('start');
    return this.#parts.owner.pipeline.admission.through(() => this.#admitted(request));
  }

  async #admitted(request: StartRequest): Promise<Accepted | Refusal> {
    const { ids, owner, mostRuns } = this.#parts;
    this.#parts.lifecycle.accept('start');
    const command = startOf(request, request.run ?? ids.run());
    return this.begin(command, owner.live.size >= mostRuns);
  }

  /** A child run is always begun here: its parent holds room while it waits. */
  async begin(command: StartRun, full: boolean): Promise<Accepted | Refusal> {
    const { versions, owner, clock } = this.#parts;
    const malformed = malformation(command);
    if (malformed !== undefined) return refusal('request.invalid', malformed);
    const row = await versions.get(command.workflow, command.version ?? null);
    if (row === null) return this.#noVersion(command);
    const checked = checkInputs(row.definition, command.inputs);
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
      await settled((done) => owner.begin(command.run, event, row.directory, full, done));
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

  async submit(command: DoorCommand, via?: Via): Promise<Accepted | Refusal> {
    this.#parts.lifecycle.accept('command');
    const deformed = deformity(command);
    if (deformed !== undefined) return refusal('request.invalid', deformed);
    await this.#parts.owner.pipeline.room();
    return this.#parts.courier.deliver(
      via,
      () => this.#submitHere(command),
      (peer) => peer.submit(command),
    );
  }

  async #submitHere(command: DoorCommand): Promise<Accepted | Refusal> {
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
    this.#parts.lifecycle.accept('start');
    const { created, total } = await this.#parts.journal.bulks.create(
      this.#parts.identity.lease,
      request,
    );
    if (!created && total > BULK_MAX) {
      return refusal(
        'bulk.too-many',
        `the filter finds more than ${BULK_MAX.toLocaleString('en')} runs (or has to look at more)`,
      );
    }
    if (!created) {
      return refusal(
        'bulk.miscounted',
        `the filter finds ${total} runs now, not ${request.expected}`,
      );
    }
    this.#parts.beginBulk(request.id);
    return { refused: false, run: request.id };
  }

  async retain(request: RetentionRequest): Promise<void> {
    this.#parts.lifecycle.accept('start');
    await this.#parts.journal.retentions.create(this.#parts.identity.lease, request);
    this.#parts.beginRetention(request.id);
  }

  async cancelBulk(id: string): Promise<void> {
    await this.#parts.journal.bulks.cancel(id);
  }

  async repair(run: string, by: By, preview: boolean): Promise<Repair | Refusal> {
    this.#parts.lifecycle.accept('command');
    const { journal, versions, owner, identity, clock } = this.#parts;
    const ended = (child: EndedRun, durable: number): void => {
      this.#parts.ended(child);
      this.#parts.watchers.committed(run, durable);
    };
    const parts = { journal, versions, owner, lease: identity.lease, clock, ended };
    return repair(parts, run, by, preview);
  }

  async preview(command: RestartRun): Promise<RestartPreview | Refusal> {
    const { owner, clock, versions } = this.#parts;
    const read = await owner.read(command.run);
    if (read === null) return noRun(command.run);
    const missing = await this.#fetchVersion(command);
    if (missing !== undefined) return missing;
    const context = { now: clock.now(), chance: () => 0, definitions: versions.definitions };
    const { state } = read.run;
    const preview = previewRestart(state, command, context);
    if (isRefusal(preview)) return preview;
    const stateOf = async (run: string) => (await owner.read(run))?.run.state;
    const above = await previewAbove(state, command.by, context, stateOf);
    return above.length === 0 ? preview : { ...preview, above };
  }

  async inspect(id: string, range: TaskRange = ALL_TASKS, via?: Via): Promise<RunView | null> {
    const { owner } = this.#parts;
    const read = await this.#read(id);
    if (read === null || 'taskViews' in read) return read;
    if (read.live) return viewOf(read.run.state, owner.overlay(read.run), range);
    if (read.aside !== undefined)
      return { ...viewOf(read.run.state, NO_OVERLAY, range), aside: read.aside };
    const elsewhere = via === undefined ? this.#activeElsewhere(read.run) : undefined;
    const view =
      elsewhere === undefined
        ? null
        : await this.#parts.courier.ask(elsewhere, (peer) => peer.inspect(id, range));
    return view ?? viewOf(read.run.state, NO_OVERLAY, range);
  }

  /** Of a run that cannot be read, what its row says. */
  async #read(id: string): Promise<RunView | Awaited<ReturnType<Owner['read']>>> {
    try {
      return await this.#parts.owner.read(id);
    } catch (error) {
      if (!(error instanceof TuttiError && error.code === 'run.set-aside')) throw error;
      const summary = await this.#parts.journal.views.run(id);
      return summary === null
        ? null
        : { aside: error.message, ...summary, inputs: {}, taskViews: [] };
    }
  }

  /** Only its owner knows what goes on right now; of a run that sleeps or has ended all is in the book. */
  #activeElsewhere(run: LiveRun): number | undefined {
    const active = run.state.end === undefined && run.row.wakeAt === null;
    return active && run.owner !== null && run.owner !== this.#parts.identity.node
      ? run.owner
      : undefined;
  }

  async changed(id: string, seq: number, signal: AbortSignal): Promise<void> {
    const { owner, watchers, journal } = this.#parts;
    await watchers.until(id, signal, {
      isThere: async () => {
        const run = owner.live.get(id);
        if (run !== undefined) return run.durable > seq + 1;
        return (await journal.views.events(id, seq, 1)).length > 0;
      },
      isAmong: (durable) => durable > seq + 1,
    });
  }

  stalls(): readonly string[] {
    return [...this.#parts.lifecycle.stalls(), ...this.#parts.journal.stalls()];
  }

  onCommit(committed: () => void): () => void {
    return this.#parts.watchers.onCommit(committed);
  }

  onWritten(run: string, wake: () => void): () => void {
    return this.#parts.watchers.onWritten(run, wake);
  }

  /** A restart may name a version: the kernel is given it as a value. */
  async #fetchVersion(command: DoorCommand): Promise<Refusal | undefined> {
    if (command.type !== 'RestartRun' || command.version === undefined) return undefined;
    const { owner, versions } = this.#parts;
    const workflow = (await owner.read(command.run))?.run.state.workflow;
    if (workflow === undefined) return noRun(command.run);
    if ((await versions.get(workflow, command.version)) !== null) return undefined;
    return refusal('version.unknown', `workflow "${workflow}" has no version ${command.version}`);
  }
}

function sharedPools(pools: readonly PoolRow[]): ReadonlyMap<string, SharedPool> {
  const shared = pools.filter(({ workflow }) => workflow === null);
  return new Map(
    shared.map(({ name, capacity, sharedBy, version }) => [
      name,
      { slots: capacity, sharedBy, isDocument: version > 0 },
    ]),
  );
}

function startOf(request: StartRequest, run: string): StartRun {
  const { workflow, inputs, by } = request;
  const command: Mutable<StartRun> = { type: 'StartRun', run, workflow, inputs, by };
  if (request.version !== undefined) command.version = request.version;
  addOrigin(command, request);
  return command;
}

function noRun(run: string): Refusal {
  return refusal('run.unknown' satisfies ErrorCode, `there is no run ${run}`);
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
