/** What the parts of the lowering of one file hand to each other. */
import type { ActionCatalogue } from '../../model/action.ts';
import type { Draft } from './draft.ts';
import type { Expressions } from './expressions.ts';
import type { Report } from '../../model/issue.ts';

/** What the tasks of one file share while they are lowered. */
export interface Workshop {
  /** The workflow's name. */
  readonly workflow: string | undefined;
  readonly report: Report;
  readonly actions: ActionCatalogue | undefined;
  readonly expressions: Expressions;
  readonly pools: Readonly<Record<string, number>>;
  readonly positions: ReadonlyMap<string, number>;
  readonly drafts: readonly Draft[];
  /** Switches that lead to a task, by the task's position. */
  readonly branches: Map<number, Set<number>>;
}

export type Refer = (tasks: readonly string[]) => void;
