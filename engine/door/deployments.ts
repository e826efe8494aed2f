/**
 * Deployments of workflows and shared pools. A workflow is checked beside those that are deployed:
 * the journal stores it only if they are still what they were when it was checked.
 */
import type { Journal } from '../../journal/journal.ts';
import type { PoolRow } from '../../journal/pools.ts';
import { recursionOf } from '../../language/calls.ts';
import { poolIssues } from '../../language/pool.ts';
import type { ReadOptions, ReadResult } from '../../language/read.ts';
import type { Definition } from '../../model/definition.ts';
import type { Issue } from '../../model/issue.ts';
import type { PoolDefinition, SharedPool } from '../../model/pool.ts';
import type { Clock } from '../clock.ts';
import type { Deployments, DeployRequest, DeployResult } from '../door.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Versions } from '../runs/versions.ts';

export type ReadWorkflow = (
  source: string,
  options: Pick<ReadOptions, 'file' | 'found'>,
) => Promise<ReadResult>;

interface DeploymentParts {
  readonly journal: Journal;
  readonly versions: Versions;
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  /** Reads a workflow file, with the actions that there are. */
  readonly read: ReadWorkflow;
  /** Pools may have another capacity now. */
  readonly deployed: () => Promise<void>;
}

export class DeploymentHandler implements Deployments {
  readonly #parts: DeploymentParts;

  constructor(parts: DeploymentParts) {
    this.#parts = parts;
  }

  async deploy(request: DeployRequest): Promise<DeployResult> {
    const { read, lifecycle, versions } = this.#parts;
    lifecycle.accept('start');
    const options = request.file === undefined ? {} : { file: request.file };
    const { definition, pool, problems } = await read(request.source, options);
    if (pool !== undefined) return this.#deployPool(request, pool);
    if (definition === null || problems.length > 0) return { refused: true, problems };
    for (;;) {
      const beside = new Map<string, number>();
      const found = await this.#besideOthers(definition, beside);
      if (found.length > 0) {
        const located = await read(request.source, { ...options, found });
        return { refused: true, problems: located.problems };
      }
      const stored = await this.#store(request, definition, beside);
      if (stored !== null) return { refused: false, workflow: definition.name, ...stored };
      // Another deployment came between: it is checked beside that one, too.
      for (const workflow of beside.keys()) versions.forget(workflow);
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
