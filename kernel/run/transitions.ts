/**
 * Which command a task of each status takes: the complete table, status × command. `decide` reads
 * it, its test walks every cell, and the manual prints it.
 */
import type { OperatorCommand, TaskStatus } from '../../model/run.ts';

export type TaskCommandName = Extract<OperatorCommand, { task: string }>['type'];

/** `yes`, or the reason why not, as the end of the sentence "the task is <status>: …". */
type Cell = 'yes' | `no: ${string}`;

const ENDED = 'no: it has ended' as const;
const STARTED = 'no: it has started already; a hold stops starts only' as const;
const RUNNING = 'no: its job is running; cancel the run, or wait for the job to end' as const;
const NOT_ENDED = 'no: it has not ended yet' as const;
const NO_APPROVAL = 'no: it is not waiting for a decision' as const;
const FINE = 'no: it ended well; use rerun or restart to run it again' as const;

/** Before a task has started, whatever keeps it from it. */
const NOT_STARTED: Readonly<Record<TaskCommandName, Cell>> = {
  HoldTask: 'yes',
  ReleaseTask: 'yes',
  SkipTask: 'yes',
  ForceTask: 'yes',
  RerunTask: NOT_ENDED,
  SteerRun: 'yes',
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
    SteerRun: STARTED,
    DecideApproval: NO_APPROVAL,
  },
  retrying: {
    HoldTask: 'yes',
    ReleaseTask: 'yes',
    SkipTask: 'yes',
    ForceTask: 'yes',
    RerunTask: 'yes',
    SteerRun: STARTED,
    DecideApproval: NO_APPROVAL,
  },
  deciding: {
    HoldTask: STARTED,
    ReleaseTask: STARTED,
    SkipTask: 'yes',
    ForceTask: 'yes',
    RerunTask: NOT_ENDED,
    SteerRun: STARTED,
    DecideApproval: 'yes',
  },
  unknown: {
    HoldTask: STARTED,
    ReleaseTask: STARTED,
    SkipTask: 'yes',
    ForceTask: 'yes',
    RerunTask: 'yes',
    SteerRun: STARTED,
    DecideApproval: NO_APPROVAL,
  },
  succeeded: ended('no'),
  warned: ended('no'),
  failed: ended('yes'),
  'timed-out': ended('yes'),
  cancelled: ended('yes'),
  skipped: ended('no'),
};

/** After an end: what failed may still be skipped or forced, so that its dependents go on. */
function ended(failed: 'yes' | 'no'): Record<TaskCommandName, Cell> {
  return {
    HoldTask: ENDED,
    ReleaseTask: ENDED,
    SkipTask: failed === 'yes' ? 'yes' : FINE,
    ForceTask: failed === 'yes' ? 'yes' : FINE,
    RerunTask: 'yes',
    SteerRun: 'yes',
    DecideApproval: NO_APPROVAL,
  };
}
