/**
 * Which command a task of each status takes: the complete table, status × command. `decide` reads
 * it, its test walks every cell, and the manual prints it.
 */
import type { OperatorCommand, TaskStatus } from '../../model/run.ts';

export type TaskCommandName = Extract<OperatorCommand, { task: string }>['type'];

/** `yes`, or the reason why not, as the end of the sentence "the task (<status>) …". */
type Cell = 'yes' | `no: ${string}`;

const ENDED = 'no: has ended' as const;
const STARTED = 'no: has started already; a hold only prevents starts' as const;
const RUNNING = 'no: is still running. Cancel the run or wait until the task ends' as const;
const NOT_ENDED = 'no: has not ended yet' as const;
const NO_APPROVAL = 'no: is not waiting for a decision' as const;
const FINE = 'no: has ended well. Rerun or restart it to run it again' as const;

/** Before a task has started, whatever keeps it from it. */
const NOT_STARTED: Readonly<Record<TaskCommandName, Cell>> = {
  HoldTask: 'yes',
  ReleaseTask: 'yes',
  SkipTask: 'yes',
  ForceTask: 'yes',
  RerunTask: NOT_ENDED,
  SteerTask: 'yes',
  DecideApproval: NO_APPROVAL,
};

export const TRANSITIONS: Readonly<Record<TaskStatus, Readonly<Record<TaskCommandName, Cell>>>> = {
  waiting: NOT_STARTED,
  held: NOT_STARTED,
  queued: NOT_STARTED,
  running: {
    HoldTask: STARTED,
    ReleaseTask: STARTED,
    SkipTask: RUNNING,
    ForceTask: RUNNING,
    RerunTask: RUNNING,
    SteerTask: STARTED,
    DecideApproval: NO_APPROVAL,
  },
  retrying: {
    HoldTask: 'yes',
    ReleaseTask: 'yes',
    SkipTask: 'yes',
    ForceTask: 'yes',
    RerunTask: 'yes',
    SteerTask: STARTED,
    DecideApproval: NO_APPROVAL,
  },
  deciding: {
    HoldTask: STARTED,
    ReleaseTask: STARTED,
    SkipTask: 'yes',
    ForceTask: 'yes',
    RerunTask: NOT_ENDED,
    SteerTask: STARTED,
    DecideApproval: 'yes',
  },
  unknown: {
    HoldTask: STARTED,
    ReleaseTask: STARTED,
    SkipTask: 'yes',
    ForceTask: 'yes',
    RerunTask: 'yes',
    SteerTask: STARTED,
    DecideApproval: NO_APPROVAL,
  },
  succeeded: ended('no'),
  warned: ended('no'),
  failed: ended('yes'),
  'timed-out': ended('yes'),
  cancelled: ended('yes'),
  skipped: ended('no'),
};

/** After an end: what failed may still be skipped or forced, so that its dependents continue. */
function ended(failed: 'yes' | 'no'): Record<TaskCommandName, Cell> {
  return {
    HoldTask: ENDED,
    ReleaseTask: ENDED,
    SkipTask: failed === 'yes' ? 'yes' : FINE,
    ForceTask: failed === 'yes' ? 'yes' : FINE,
    RerunTask: 'yes',
    SteerTask: 'yes',
    DecideApproval: NO_APPROVAL,
  };
}
