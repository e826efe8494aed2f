/**
 * Events as lines of text: one line for each change, for logs of builds and for people who pipe.
 */
import type { EventView } from '../../protocol/events.ts';
import type { TaskStatus } from '../../model/run.ts';
import { clock, duration, harmless, oneLine, type Paint } from './words.ts';

function member(value: unknown, ...path: string[]): unknown {
  let here: unknown = value;
  for (const name of path) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = Object.getOwnPropertyDescriptor(here, name)?.value;
  }
  return here;
}

function text(event: EventView, ...path: string[]): string | undefined {
  const value = member(event.data, ...path);
  return typeof value === 'string' ? value : undefined;
}

function number(event: EventView, ...path: string[]): number | undefined {
  const value = member(event.data, ...path);
  return typeof value === 'number' ? value : undefined;
}

function because(event: EventView, name = 'failure'): string {
  const message = text(event, name, 'message');
  return message === undefined ? '' : `: ${harmless(message.split('\n', 1)[0] ?? '')}`;
}

function by(event: EventView): string {
  const actor = text(event, 'by', 'actor') ?? text(event, 'forced', 'actor');
  if (actor === undefined) return '';
  const reason = text(event, 'by', 'reason') ?? text(event, 'forced', 'reason');
  return ` by ${oneLine(actor)}${reason === undefined ? '' : ` (${oneLine(reason)})`}`;
}

function ended(event: EventView): string {
  const from = number(event, 'startedAt');
  const took = from === undefined ? '' : ` after ${duration(event.at - from)}`;
  const forced = member(event.data, 'forced') === undefined ? '' : `, forced${by(event)}`;
  return `${event.end ?? 'ended'}${took}${forced}${because(event)}`;
}

type Sentence = (event: EventView) => readonly [TaskStatus, string];
const again = (event: EventView): string =>
  `tried again in ${duration((number(event, 'nextAt') ?? event.at) - event.at)}`;

const SENTENCES: Readonly<Record<string, Sentence>> = {
  RunStarted: (event) => ['running', `the run started${by(event)}`],
  RunHeld: (event) => ['held', `the run is held${by(event)}`],
  RunReleased: (event) => ['running', `the run is released${by(event)}`],
  RunCancelRequested: (event) => ['cancelled', `the run is being cancelled${by(event)}`],
  RunRestarted: (event) => ['running', `the run is restarted${by(event)}`],
  RunEnded: (event) => [endOf(event), `the run ${event.end ?? 'ended'}${because(event)}`],
  ParentTold: (event) =>
    member(event.data, 'takesOver') === true
      ? ['running', 'the parent’s task takes over how this run ends']
      : [
          'skipped',
          `the parent does not take over how this run ends${text(event, 'because') === undefined ? '' : `: ${harmless(text(event, 'because') ?? '')}`}`,
        ],
  TaskHeld: (event) => ['held', `held${by(event)}`],
  TaskReleased: (event) => ['waiting', `released${by(event)}`],
  TaskStarted: () => ['running', 'started'],
  TaskSubmitted: () => ['running', 'submitted'],
  TaskMarkedUnknown: (event) => ['unknown', `outcome unknown${because(event)}`],
  TaskResolved: () => ['running', 'outcome is known again'],
  TaskCancelRequested: () => ['cancelled', 'being cancelled'],
  TaskRetrying: (event) => ['retrying', `${again(event)}${because(event)}`],
  TaskExpanded: (event) => {
    const items = member(event.data, 'items');
    return ['running', `runs for ${Array.isArray(items) ? items.length : 0} items`];
  },
  TaskSteered: (event) => ['running', `steered${by(event)}`],
  TaskRerun: (event) => ['waiting', `runs again${by(event)}`],
  TaskReopened: (event) => ['running', `its child run continues${by(event)}`],
  TaskEnded: (event) => [endOf(event), ended(event)],
  TaskSkipped: (event) => ['skipped', `skipped${by(event)}`],
};

const ENDS: Readonly<Record<string, TaskStatus>> = {
  succeeded: 'succeeded',
  warned: 'warned',
  failed: 'failed',
  'timed-out': 'timed-out',
  cancelled: 'cancelled',
};
function endOf(event: EventView): TaskStatus {
  return ENDS[event.end ?? ''] ?? 'succeeded';
}

/** Null for what is of no interest to a person who follows. */
export function eventLine(event: EventView, paint: Paint): string | null {
  const sentence = Object.hasOwn(SENTENCES, event.type) ? SENTENCES[event.type] : undefined;
  if (sentence === undefined) return null;
  const [status, words] = sentence(event);
  const attempt = event.attempt !== null && event.attempt > 1 ? ` (attempt ${event.attempt})` : '';
  const task = event.task === null ? '' : `${oneLine(event.task)}${attempt} `;
  return `${paint.dim(clock(event.at))} ${paint.sign(status)} ${task}${words}`;
}
