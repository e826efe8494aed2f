/** What a task of the file needs, in whichever spelling. */
import type { z } from 'zod';
import type { Path } from '../../model/issue.ts';
import type { NEED_ENDS, taskShape } from '../workflow.ts';

type Written = z.input<typeof taskShape.needs>;

interface Need {
  readonly task: string;
  readonly ends: readonly (typeof NEED_ENDS)[number][];
  readonly path: Path;
  readonly at: 'key' | 'value';
}

/** What a task says of those before it; many may ask, of a task with many needs. */
export class Needs {
  readonly #written: Written;
  readonly #task: Path;
  #byTask: ReadonlyMap<string, Need> | undefined;

  constructor(written: Written, task: Path) {
    this.#written = written;
    this.#task = task;
  }

  all(): readonly Need[] {
    return needsOf(this.#written, this.#task);
  }

  /** Of two the first. */
  of(task: string): Need | undefined {
    this.#byTask ??= new Map(
      this.all()
        .toReversed()
        .map((need) => [need.task, need]),
    );
    return this.#byTask.get(task);
  }
}

/** The three spellings of `needs`, as one. */
function needsOf(needs: Written, path: Path): readonly Need[] {
  if (needs === undefined) return [];
  const base = [...path, 'needs'];
  if (typeof needs === 'string')
    return [{ task: needs, ends: ['succeeded'], path: base, at: 'value' }];
  if (Array.isArray(needs)) {
    return needs.map((task, position) => {
      return { task, ends: ['succeeded'], path: [...base, position], at: 'value' };
    });
  }
  return Object.entries(needs).map(([task, ends]) => {
    return {
      task,
      ends: typeof ends === 'string' ? [ends] : ends,
      path: [...base, task],
      at: 'key',
    };
  });
}
