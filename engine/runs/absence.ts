/** Why a run is not in memory: what may be tried again, and what is final. */
import { TuttiError } from '../../model/errors.ts';

/** Another living node works on the run. */
export class Elsewhere extends TuttiError {
  readonly owner: number;
  constructor(run: string, owner: number) {
    super('run.elsewhere', `Node ${owner} works on run ${run}.`);
    this.owner = owner;
  }
}

export function isAside(run: string, reason: string): TuttiError {
  return new TuttiError('run.set-aside', `run ${run} is set aside: ${reason}`);
}

/** Those whose work failed in a way that may pass. */
export async function failures(
  ids: readonly string[],
  work: (id: string) => Promise<unknown> | undefined,
): Promise<readonly string[]> {
  const results = await Promise.allSettled(ids.map(async (id) => work(id)));
  return ids.filter((_, index) => {
    const result = results[index];
    return result?.status === 'rejected' && !isFinal(result.reason);
  });
}

/** The run is another's, or this node may not work any more. */
export function isFinal(error: unknown): boolean {
  if (isNodeOver(error)) return true;
  return error instanceof TuttiError && /^run\.(elsewhere|set-aside)$/.test(error.code);
}

/** This node may not work any more: another one continues its runs. */
export function isNodeOver(error: unknown): boolean {
  return error instanceof TuttiError && /^node\.(fenced|stopping)$/.test(error.code);
}
