import { describe, expect, it } from 'vitest';
import { ENDS } from '../../model/definition.ts';
import { ALIVE, type TaskStatus } from '../../model/run.ts';
import { define, type TaskSpec } from './definition.fixture.ts';
import { type Script, script } from './script.fixture.ts';
import { statusOf } from './status.ts';
import { type TaskCommandName, TRANSITIONS } from './transitions.ts';

/**
 * How a task comes into each status: what it is, and what is done to it. `z` keeps the run alive;
 * the task comes after `u` where that decides.
 */
const WAYS: Readonly<Record<TaskStatus, readonly [TaskSpec, ...string[]]>> = {
  waiting: [{ needs: ['u'] }],
  held: [{ needs: ['u'] }, 'hold t', 'u ok'],
  queued: [{ needs: ['u'] }, 'u ok'],
  running: [{}, 't starts'],
  retrying: [{ retry: {} }, 't fails transient'],
  deciding: [{ approve: {} }],
  unknown: [{}, 't starts', 't unknown'],
  succeeded: [{}, 't ok'],
  warned: [{ warn: 'output.warn' }, 't ok {"warn":true}'],
  failed: [{}, 't fails'],
  'timed-out': [{}, 't fails timeout'],
  cancelled: [{}, 't starts', 't stopped'],
  skipped: [{}, 'skip t'],
};

/** The same for a switch, as far as a switch can come there. */
const SWITCH_WAYS: Partial<Record<TaskStatus, readonly string[]>> = {
  waiting: [],
  held: ['hold t', 'u ok'],
  failed: ['force t failed'],
  succeeded: ['u ok'],
  cancelled: ['cancel'],
};

const COMMANDS: Readonly<Record<TaskCommandName, string>> = {
  HoldTask: 'hold t',
  ReleaseTask: 'release t',
  SkipTask: 'skip t',
  ForceTask: 'force t succeeded',
  RerunTask: 'rerun t',
  SteerTask: 'steer t x',
  DecideApproval: 'approve t',
};
/** What changes nothing because it is so already. */
const ALREADY = new Set([
  'held HoldTask',
  'waiting ReleaseTask',
  'queued ReleaseTask',
  'retrying ReleaseTask',
]);

function cells(): [TaskStatus, TaskCommandName][] {
  return [...ALIVE, ...ENDS].flatMap((status) =>
    (Object.keys(COMMANDS) as TaskCommandName[]).map((command): [TaskStatus, TaskCommandName] => [
      status,
      command,
    ]),
  );
}

function inStatus(status: TaskStatus): Script {
  const [spec, ...steps] = WAYS[status];
  return script(define({ u: {}, z: {}, t: spec })).given(...steps);
}

function switchInStatus(steps: readonly string[]): Script {
  const cases = [
    ['inputs.n > 3', 'x'],
    ['else', 'y'],
  ];
  const tasks = { u: {}, z: {}, t: { needs: ['u'], switch: cases }, x: {}, y: {} };
  return script(define(tasks), { n: 7 }).given(...steps);
}

describe('the transition table', () => {
  it('has a row for every status and a column for every command', () => {
    expect(Object.keys(TRANSITIONS).toSorted()).toEqual([...ALIVE, ...ENDS].toSorted());
    for (const row of Object.values(TRANSITIONS)) {
      expect(Object.keys(row).toSorted()).toEqual(Object.keys(COMMANDS).toSorted());
    }
  });

  it.each(cells().filter(([, command]) => command !== 'SteerTask'))(
    'a task that is %s answers %s as its cell says',
    (status, command) => {
      const run = inStatus(status);
      expect(statusOf(run.state, run.node('t'))).toBe(status);
      run.when(COMMANDS[command]);
      const cell = TRANSITIONS[status][command];
      if (cell !== 'yes') {
        run.expectRefusal('task.wrong-status', `"t" (${status}) ${cell.slice('no: '.length)}`);
      } else if (ALREADY.has(`${status} ${command}`)) {
        run.expectEvents();
      } else {
        run.expectCarriedOut();
      }
    },
  );

  it.each(cells().filter(([status, command]) => command === 'SteerTask' && SWITCH_WAYS[status]))(
    'a switch that is %s answers %s as its cell says',
    (status, command) => {
      const run = switchInStatus(SWITCH_WAYS[status] ?? []);
      expect(statusOf(run.state, run.node('t'))).toBe(status);
      run.when('steer t y');
      expect(TRANSITIONS[status][command]).toBe('yes');
      run.expectCarriedOut();
    },
  );

  it.each([...ALIVE, ...ENDS])('a task that is %s and no switch cannot be steered', (status) => {
    inStatus(status).when('steer t z').expectRefusal('task.wrong-status');
  });

  it.each([
    ['skip t', 'task.wrong-status'],
    ['force t succeeded', 'task.wrong-status'],
    ['rerun t', 'task.wrong-status'],
    ['steer t nowhere', 'steer.unknown-branch'],
    ['approve t', 'task.wrong-status'],
  ])('a switch refuses "%s": %s', (command, code) => {
    switchInStatus([]).when(command).expectRefusal(code);
  });

  it.each(['hold', 'release', 'skip', 'rerun', 'approve'])(
    '"%s nobody" is about a task that is not there',
    (verb) => {
      inStatus('queued').when(`${verb} nobody`).expectRefusal('task.unknown');
    },
  );
});
