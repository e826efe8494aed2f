/**
 * The one catalogue of errors. A code is for ever; the sentence says what is wrong, `next` what
 * happens or what to do, `retry` whether asking again can help.
 *
 * `status` is the HTTP status that the API answers with and `exit` the CLI's exit code group:
 * they stand here so that no room invents its own.
 */
interface CatalogueEntry {
  readonly title: string;
  readonly next: string;
  readonly retry: boolean;
  readonly status: number;
}

export const CATALOGUE = {
  // reading
  'workflow.invalid': {
    title: 'The workflow file has mistakes',
    next: 'Mend the places named and read it again.',
    retry: false,
    status: 422,
  },
  'inputs.invalid': {
    title: 'The inputs do not fit the workflow',
    next: 'Mend the inputs named.',
    retry: false,
    status: 422,
  },
  'request.invalid': {
    title: 'The request does not have the expected form',
    next: 'Mend the fields named.',
    retry: false,
    status: 400,
  },
  'request.too-large': {
    title: 'The request is larger than this route takes',
    next: 'Split it, or move data out of it.',
    retry: false,
    status: 413,
  },
  'request.head-too-large': {
    title: 'The first line and the headers of the request are too large',
    next: 'Send what is long in the body.',
    retry: false,
    status: 431,
  },
  'request.too-slow': {
    title: 'The request did not arrive in time',
    next: 'Nothing was changed. Send it again, without a pause in its midst.',
    retry: true,
    status: 408,
  },
  'server.busy': {
    title: 'The server reads as many large requests as it can hold',
    next: 'Nothing was changed. Ask again in a moment.',
    retry: true,
    status: 503,
  },
  'request.differs': {
    title: 'The Idempotency-Key belongs to another request',
    next: 'Use a new key for a new request, and the same body for the same key.',
    retry: false,
    status: 422,
  },
  'request.under-way': {
    title: 'A request with this Idempotency-Key is being carried out',
    next: 'Ask again in a moment: the answer will be the same.',
    retry: true,
    status: 409,
  },
  'retention.unknown': {
    title: 'There is no such retention',
    next: 'Look at the list of retentions.',
    retry: false,
    status: 404,
  },
  'retention.archive': {
    title: 'The archive cannot be written',
    next: 'Name an absolute folder that the server may write to, with room for it. Nothing was deleted that is not archived.',
    retry: false,
    status: 422,
  },
  'feed.gone': {
    title: 'The events after this place are deleted',
    next: 'Begin at the earliest place, which the answer names, or without one; read what was before from archives.',
    retry: false,
    status: 410,
  },
  'bulk.unknown': {
    title: 'There is no such bulk command',
    next: 'Look at the list of bulk commands.',
    retry: false,
    status: 404,
  },
  'bulk.too-many': {
    title: 'The filter finds more runs than one bulk command is for',
    next: 'Narrow it by a status, a workflow, a business date or a time, or do it in several parts.',
    retry: false,
    status: 422,
  },
  'bulk.miscounted': {
    title: 'The filter finds another number of runs than was counted',
    next: 'Count again, look, and send the new number. Nothing was changed.',
    retry: false,
    status: 409,
  },
  'request.foreign': {
    title: 'The request was made through another name or page',
    next: 'Call Tutti by the address that `tutti serve` prints.',
    retry: false,
    status: 403,
  },
  'auth.required': {
    title: 'The request does not say who asks',
    next: 'Send the token of the data folder as `Authorization: Bearer …`; in a browser, come in by the link that `tutti open` prints.',
    retry: false,
    status: 401,
  },
  'auth.forbidden': {
    title: 'Whoever asks may not do this',
    next: 'Ask with the token of the data folder. Nothing was changed.',
    retry: false,
    status: 403,
  },
  'token.unsafe': {
    title: 'The file of the token is not safe',
    next: 'Look who wrote it, remove it, and start `tutti serve` again: it makes a new one.',
    retry: false,
    status: 503,
  },
  'server.unproven': {
    title: 'The server does not know the token of the data folder',
    next: 'Look who listens there. With TUTTI_URL, give its token as TUTTI_TOKEN.',
    retry: false,
    status: 503,
  },
  'expression.failed': {
    title: 'An expression could not be evaluated',
    next: 'The task fails as rejected; mend the workflow and restart.',
    retry: false,
    status: 422,
  },
  // finding
  'workflow.unknown': {
    title: 'There is no such workflow',
    next: 'Deploy it, or look at the list of workflows.',
    retry: false,
    status: 404,
  },
  'version.unknown': {
    title: 'There is no such version of the workflow',
    next: 'Look at its versions.',
    retry: false,
    status: 404,
  },
  'run.unknown': {
    title: 'There is no such run',
    next: 'Look at the list of runs.',
    retry: false,
    status: 404,
  },
  'run.ambiguous': {
    title: 'More than one run begins with this',
    next: 'Give more of the id.',
    retry: false,
    status: 409,
  },
  'task.unknown': {
    title: 'The run has no such task',
    next: 'Look at the tasks of the run.',
    retry: false,
    status: 404,
  },
  'route.unknown': {
    title: 'There is nothing at this address',
    next: 'See the API reference.',
    retry: false,
    status: 404,
  },
  'route.wrong-method': {
    title: 'There is nothing at this address for this method',
    next: 'See the API reference.',
    retry: false,
    status: 405,
  },
  // refusing
  'run.exists': {
    title: 'A run with this key exists already',
    next: 'Use the run that is there, or another key.',
    retry: false,
    status: 409,
  },
  'run.elsewhere': {
    title: 'Another node works on this run',
    next: 'Send the command to that node.',
    retry: true,
    status: 409,
  },
  'run.set-aside': {
    title: 'The run is set aside: its history cannot be read or written',
    next: '`tutti repair RUN --preview` says what is wrong and what can be mended.',
    retry: false,
    status: 409,
  },
  'run.unreadable': {
    title: 'A part of the history of the run is missing, or cannot be read',
    next: 'What it did stands in its events. Start a new run.',
    retry: false,
    status: 409,
  },
  'run.not-aside': {
    title: 'The run is not set aside',
    next: 'Nothing was changed.',
    retry: false,
    status: 409,
  },
  'run.wrong-status': {
    title: 'The run is not in a status that allows this',
    next: 'Nothing was changed.',
    retry: false,
    status: 409,
  },
  'task.wrong-status': {
    title: 'The task is not in a status that allows this',
    next: 'Nothing was changed.',
    retry: false,
    status: 409,
  },
  'task.stale': {
    title: 'This report is about an attempt that is over',
    next: 'It is dropped.',
    retry: false,
    status: 409,
  },
  'steer.unknown-branch': {
    title: 'The switch has no branch to that task',
    next: 'Choose one of its branches.',
    retry: false,
    status: 409,
  },
  'restart.running': {
    title: 'Tasks to be restarted are still running',
    next: 'Cancel the run or wait for them, then restart.',
    retry: true,
    status: 409,
  },
  'restart.nothing': {
    title: 'There is nothing to restart',
    next: 'Name tasks with --from.',
    retry: false,
    status: 409,
  },
  'approval.not-allowed': {
    title: 'This person may not decide here',
    next: 'Ask one of those named in the approval.',
    retry: false,
    status: 403,
  },
  // attempts
  'output.too-large': {
    title: 'The output is larger than 256 kB',
    next: 'The task fails as rejected: write large data to a file or a table and give its address as output.',
    retry: false,
    status: 422,
  },
  'output.unwritable': {
    title: 'The output cannot be written as JSON and read back as the same',
    next: 'The task fails as rejected: nest it less deeply, quote large numbers, encode what is no text.',
    retry: false,
    status: 422,
  },
  'action.unknown': {
    title: 'There is no such action',
    next: 'Look at the list of actions in the reference.',
    retry: false,
    status: 422,
  },
  'action.input': {
    title: 'The input does not fit the action',
    next: 'The task fails as rejected; mend `with` and restart.',
    retry: false,
    status: 422,
  },
  'system.unknown': {
    title: 'There is no such system',
    next: 'Add it to systems.yaml.',
    retry: false,
    status: 422,
  },
  'system.unreachable': {
    title: 'The system cannot be reached',
    next: 'The task is unknown until the system answers; nothing is submitted twice.',
    retry: true,
    status: 503,
  },
  'task.lost-reply': {
    title: 'The reply was lost and the system cannot be asked about it',
    next: 'Look in the system, then force or rerun the task.',
    retry: false,
    status: 409,
  },
  'task.timed-out': {
    title: 'The task took longer than its timeout',
    next: 'Retry and exception paths apply.',
    retry: true,
    status: 408,
  },
  'approval.rejected': {
    title: 'The approval was rejected',
    next: 'An edge that takes the failure is followed; else dependents are blocked.',
    retry: false,
    status: 409,
  },
  'child.failed': {
    title: 'The child run did not succeed',
    next: 'Mend and restart the child run: this task takes over how it ends. A rerun of this task begins a new child run.',
    retry: false,
    status: 409,
  },
  'child.too-deep': {
    title: 'Too many runs stand above this child run',
    next: 'The task fails as rejected: a workflow calls itself, directly or through others. Mend it and start anew.',
    retry: false,
    status: 422,
  },
  'items.failed': {
    title: 'Items of a mapped task failed',
    next: 'Restart from the items that failed.',
    retry: false,
    status: 409,
  },
  'until.exhausted': {
    title: '`until` did not hold within its attempts',
    next: 'Retry and exception paths apply.',
    retry: true,
    status: 409,
  },
  // house
  'database.unreachable': {
    title: 'The database cannot be reached',
    next: 'Tutti waits and goes on by itself when it answers.',
    retry: true,
    status: 503,
  },
  'database.refuses': {
    title: 'The database refuses what Tutti asks of it',
    next: 'Mend what the detail names: a table, a right, or the connection string.',
    retry: true,
    status: 503,
  },
  'write.refused': {
    title: 'The database refuses what this would have written',
    next: 'Nothing was changed, and everything else goes on. Look at what was sent.',
    retry: false,
    status: 422,
  },
  'database.unavailable': {
    title: 'No PostgreSQL could be started or found',
    next: 'Give --database URL, or install the optional packages.',
    retry: false,
    status: 503,
  },
  'database.too-old': {
    title: 'The PostgreSQL server is older than 14',
    next: 'Use PostgreSQL 14 or newer.',
    retry: false,
    status: 503,
  },
  'database.too-new': {
    title: 'The database has the schema of a newer Tutti',
    next: 'Use that version of Tutti, or another database.',
    retry: false,
    status: 503,
  },
  'data.in-use': {
    title: 'Another Tutti serves this data folder',
    next: 'Use that one (TUTTI_URL), stop it, or choose another --data folder.',
    retry: false,
    status: 503,
  },
  'data.open-to-others': {
    title: 'Others can write in the data folder',
    next: 'Close it to them (chmod go-w), or choose another --data folder, for instance a new one below it.',
    retry: false,
    status: 503,
  },
  'root.not-allowed': {
    title: 'Tutti would run as root',
    next: 'Start it as another user; or allow it with --allow-root or TUTTI_ALLOW_ROOT=1.',
    retry: false,
    status: 403,
  },
  'machine.refused': {
    title: 'The machine refused something that Tutti needs',
    next: 'Mend what is named, then try again.',
    retry: true,
    status: 503,
  },
  'port.in-use': {
    title: 'Another program listens on this port',
    next: 'Choose another with --port, or 0 for any free one.',
    retry: false,
    status: 503,
  },
  'node.fenced': {
    title: 'This node lost its lease and may not write',
    next: 'Its runs go on elsewhere; start it again.',
    retry: false,
    status: 503,
  },
  'node.stopping': {
    title: 'This node is stopping',
    next: 'Ask again in a moment.',
    retry: true,
    status: 503,
  },
  'stream.full': {
    title: 'As many streams are open as this server allows',
    next: 'Close one, or ask again later.',
    retry: true,
    status: 503,
  },
  'node.unreachable': {
    title: 'The node that works on this run does not answer',
    next: 'Nothing was changed. Ask again in a moment: its runs go on elsewhere when its lease has ended.',
    retry: true,
    status: 503,
  },
  'command.unanswered': {
    title: 'The command was sent, and the answer was lost',
    next: 'Look at the run: it may have been carried out. Tutti does not send it twice.',
    retry: false,
    status: 504,
  },
  'server.unreachable': {
    title: 'No Tutti server answers',
    next: 'Start `tutti serve`, or check TUTTI_URL.',
    retry: true,
    status: 503,
  },
  'systems.invalid': {
    title: 'The systems file has mistakes',
    next: 'Mend the places named.',
    retry: false,
    status: 422,
  },
  internal: {
    title: 'Something that should not happen happened',
    next: 'Please report it with the log.',
    retry: false,
    status: 500,
  },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof CATALOGUE;

/** A mistake in a text, with its place. Lines and columns start at 1. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  /** What to do, when a sentence can help. */
  readonly hint?: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** JSON path, e.g. `tasks.post-ledger.retry`. */
  readonly path?: string;
}

export class TuttiError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];
  constructor(
    code: ErrorCode,
    detail?: string,
    options: { problems?: readonly Problem[]; cause?: unknown } = {},
  ) {
    super(
      detail ?? CATALOGUE[code].title,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.name = 'TuttiError';
    this.code = code;
    this.problems = options.problems ?? [];
  }
}

/** For what cannot happen unless the code is wrong. */
export function bug(what: string): never {
  throw new TuttiError('internal', `bug: ${what}`);
}
