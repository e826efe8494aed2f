/** Which tasks of a run a reader asks for: a run of 100,000 is read in pages. */
export interface TaskRange {
  /** This one only, by its reference. */
  readonly task?: string;
  /** From this position on. */
  readonly after: number;
  /** So many at most; fewer, when they are large. */
  readonly limit: number;
  /** Only those that have not ended. */
  readonly open?: boolean;
}

export const ALL_TASKS: TaskRange = { after: 0, limit: Infinity };

export const TASKS_MAX = 500;
export const FIRST_TASKS: TaskRange = { after: 0, limit: TASKS_MAX };
