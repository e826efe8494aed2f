import { describe, expect, it } from 'vitest';
import { previewRestart } from './decide.ts';
import { define, BY, type TaskSpec } from './definition.fixture.ts';
import { script } from './script.fixture.ts';

type Tasks = Readonly<Record<string, TaskSpec>>;

const DIAMOND: Tasks = {
  a: {},
  b: { needs: ['a'] },
  c: { needs: ['a'] },
  d: { needs: ['b', 'c'] },
};
const B_FAILED = ['a ok', 'c ok', 'b fails'];
const ANY: Tasks = { a: {}, b: {}, j: { needs: ['a', 'b'], join: 'any' }, k: { needs: ['j'] } };

describe('restart of a run', () => {
  it.each<[string, Tasks, string[], string[], string]>([
    [
      'from failure keeps the rest',
      DIAMOND,
      B_FAILED,
      ['restarted b d'],
      'a:succeeded b:queued c:succeeded d:waiting run:going',
    ],
    [
      'from named tasks',
      DIAMOND,
      [...B_FAILED, 'restart c'],
      ['restarted c d'],
      'a:succeeded b:failed c:queued d:waiting run:going',
    ],
    [
      'from the beginning',
      DIAMOND,
      [...B_FAILED, 'restart a'],
      ['restarted a b c d'],
      'a:queued b:waiting c:waiting d:waiting run:going',
    ],
    [
      'while the run goes on',
      DIAMOND,
      ['a ok', 'b fails', 'restart'],
      ['restarted b d'],
      'a:succeeded b:queued c:queued d:waiting run:going',
    ],
    [
      'of a run that went well',
      DIAMOND,
      ['a ok', 'b ok', 'c ok', 'd ok', 'restart d'],
      ['restarted d'],
      'a:succeeded b:succeeded c:succeeded d:queued run:going',
    ],
    [
      'of a cancelled run',
      DIAMOND,
      ['a ok', 'cancel', 'restart'],
      ['restarted b c d'],
      'a:succeeded b:queued c:queued d:waiting run:going',
    ],
    [
      'of a cancelled run: what ended meanwhile is passed on',
      DIAMOND,
      ['a starts', 'cancel', 'a ok', 'restart'],
      ['restarted b c d'],
      'a:succeeded b:queued c:queued d:waiting run:going',
    ],
    [
      'of a held run: it stays held',
      DIAMOND,
      ['a ok', 'hold', 'b fails', 'restart'],
      ['restarted b d'],
      'a:succeeded b:held c:held d:waiting run:held',
    ],
    [
      'keeps the hold of a task',
      DIAMOND,
      ['hold b', 'a ok', 'skip c', 'restart b'],
      ['restarted b d'],
      'a:succeeded b:held c:skipped d:waiting run:going',
    ],
    [
      'join any: starts at once where an edge is taken',
      ANY,
      ['a ok', 'b fails', 'j ok', 'k ok', 'restart'],
      ['restarted b j k'],
      'a:succeeded b:queued j:queued k:waiting run:going',
    ],
    [
      'join any: waits where none is',
      ANY,
      ['a ok', 'b fails', 'j ok', 'k ok', 'restart a b'],
      ['restarted a b j k'],
      'a:queued b:queued j:waiting k:waiting run:going',
    ],
    [
      'a handled failure is not a failure',
      { a: {}, h: { needs: { a: 'failed' } }, z: {} },
      ['a fails', 'h ok', 'z fails'],
      ['restarted z'],
      'a:failed h:succeeded z:queued run:going',
    ],
    [
      'looks at conditions again',
      { a: {}, b: { needs: ['a'], when: 'tasks.a.attempt == 2' } },
      ['a ok', 'restart a', 'a ok'],
      ['restarted a b'],
      'a:succeeded b:queued run:going',
    ],
  ])('%s', (_, tasks, steps, reset, standing) => {
    const run = script(define(tasks));
    const restarts = steps.some((words) => words.startsWith('restart'));
    run.given(...steps, ...(restarts ? [] : ['restart']));
    const said = run.events.flatMap((event) =>
      event.type === 'RunRestarted' ? [`restarted ${event.reset.join(' ')}`] : [],
    );
    expect(said).toEqual(reset);
    expect(run.standing).toBe(standing);
  });

  it.each<[string, string[], string, string]>([
    ['nothing failed', ['a ok', 'b ok', 'c ok', 'd ok'], 'restart', 'restart.nothing'],
    ['a task that is not there', B_FAILED, 'restart e', 'task.unknown'],
    ['an item of a task that has none', B_FAILED, 'restart b[0]', 'task.unknown'],
    ['a task that runs', ['a starts'], 'restart a', 'restart.running'],
    ['a task that runs behind it', ['a ok', 'b starts'], 'restart a', 'restart.running'],
    ['an unknown outcome', ['a starts', 'a unknown'], 'restart a', 'restart.running'],
    ['names for the same version', B_FAILED, 'restart b=c', 'request.invalid'],
  ])('is refused: %s', (_, steps, words, code) => {
    script(define(DIAMOND))
      .given(...steps)
      .when(words)
      .expectRefusal(code);
  });

  it('a wait that goes on is no work outside: it can be left', () => {
    const run = script(define({ a: {}, w: { needs: ['a'], wait: 9_000 } })).given('a ok');
    expect(run.given('restart a').standing).toBe('a:queued w:waiting run:going');
    run.when('w#1 wakes').expectRefusal('task.stale');
  });

  it('does what its preview says, and only that', () => {
    const run = script(define(DIAMOND)).given(...B_FAILED);
    const command = { type: 'RestartRun', run: 'r1', by: BY } as const;
    const preview = previewRestart(run.state, command, run.context());
    expect(preview).toEqual({ keeps: ['a', 'c'], runsAgain: ['b', 'd'], version: 1 });
    run.given('restart', 'b ok', 'd ok');
    const again = run.events.slice(run.events.findIndex(({ type }) => type === 'RunRestarted'));
    expect(new Set(again.flatMap((each) => ('task' in each ? [each.task] : [])))).toEqual(
      new Set(['b', 'd']),
    );
  });

  it('law 6: no key is used again', () => {
    const run = script(define({ t: { retry: {} } }));
    run.given('t fails transient', '+1000', 't wakes', 't fails rejected', 'restart');
    expect(run.node('t').attempt).toBe(3);
    run.when('t#2 ok').expectRefusal('task.stale');
    run.given('t ok', 'restart t');
    expect(run.node('t').attempt).toBe(4);
  });
});

const OLD = define({ a: {}, bad: { needs: ['a'] }, c: { needs: ['bad'] } });
const RENAMED = define({ a: {}, good: { needs: ['a'] }, c: { needs: ['good'] } });
const WITHOUT = define({ a: {}, c: { needs: ['a'] } });
const MORE = define({ z: {}, a: {}, bad: { needs: ['a', 'z'] }, c: { needs: ['bad'] } });

describe('restart on another version', () => {
  const failed = (next: Parameters<typeof script>[0]) =>
    script([OLD, ...(Array.isArray(next) ? next : [next])]).given('a ok', 'bad fails');

  it('keeps outputs under the same names', () => {
    const run = failed(MORE).given('restart v2');
    expect(run.last).toMatchObject([{ reset: ['z', 'bad', 'c'], version: 2 }]);
    expect(run.standing).toBe('z:queued a:succeeded bad:waiting c:waiting run:going');
  });

  it('keeps outputs under new names', () => {
    const run = failed(RENAMED).given('restart v2 good=bad');
    expect(run.last).toMatchObject([{ reset: ['good', 'c'], mapping: { good: 'bad' } }]);
    expect(run.standing).toBe('a:succeeded good:queued c:waiting run:going');
    expect(run.node('good').attempt).toBe(2);
  });

  it('a failed task that is gone blocks nobody', () => {
    const run = failed(WITHOUT).given('restart v2');
    expect(run.standing).toBe('a:succeeded c:queued run:going');
  });

  it('law 6: a name that comes back goes on counting its attempts', () => {
    const run = failed([WITHOUT, OLD]).given('restart v2', 'restart v3');
    expect(run.standing).toBe('a:succeeded bad:queued c:queued run:going');
    expect(run.node('bad').attempt).toBe(2);
  });

  it('law 6: a name that passes to another task goes on counting', () => {
    const swapped = define({ bad: {}, a: { needs: ['bad'] }, c: { needs: ['a'] } });
    const run = failed(swapped).given('rerun bad', 'bad fails', 'restart v2 bad=a a=bad');
    expect(run.standing).toBe('bad:succeeded a:queued c:waiting run:going');
    expect(run.given('rerun bad').node('bad').attempt).toBe(3);
  });

  it('a task whose past went to another begins, with attempts of its own', () => {
    const both = define({ a: {}, b: {}, bad: { needs: ['a'] }, c: { needs: ['bad'] } });
    const run = failed(both).given('restart v2 b=a');
    expect(run.last).toMatchObject([{ reset: ['a', 'bad', 'c'] }]);
    expect(run.standing).toBe('a:queued b:succeeded bad:waiting c:waiting run:going');
    expect(run.node('a').attempt).toBe(2);
  });

  it('a task that became another kind of task begins again', () => {
    const asks = define({ a: { approve: {} }, bad: { needs: ['a'] }, c: { needs: ['bad'] } });
    const run = failed(asks).given('restart v2');
    expect(run.standing).toBe('a:deciding bad:waiting c:waiting run:going');
  });

  it('a switch whose cases changed decides again', () => {
    const cases = (first: string) => [
      ['inputs.n > 5', first],
      ['else', first === 'x' ? 'y' : 'x'],
    ];
    const one = define({ s: { switch: cases('x') }, x: {}, y: {} });
    const two = define({ s: { switch: cases('y') }, x: {}, y: {} });
    const run = script([one, two], { n: 7 }).given('x fails', 'restart v2');
    expect(run.standing).toBe('s:succeeded x:skipped y:queued run:going');
  });

  it('items move with their mapped task', () => {
    const one = define({ m: { each: [1, 2] }, t: { needs: ['m'] } });
    const two = define({ z: {}, y: {}, list: { each: [1, 2] }, t: { needs: ['list'] } });
    const run = script([one, two]).given('m[0] ok', 'm[1] fails', 'restart v2 list=m');
    expect(run.standing).toBe(
      'z:queued y:queued list:running t:waiting list[0]:succeeded list[1]:queued run:going',
    );
    expect(run.given('restart list[0]').standing).toContain('list[0]:queued list[1]:queued');
  });

  it('a mapped task that is no longer one begins again', () => {
    const one = define({ m: { each: [1, 2] }, t: {} });
    const run = script([one, define({ m: {}, t: {} })]).given('m[0] ok', 'm[1] ok', 't fails');
    expect(run.given('restart v2').standing).toBe('m:queued t:queued run:going');
    expect(run.given('m ok', 't ok').standing).toContain('run:succeeded');
  });

  it('a task called like a property of every object is found', () => {
    const one = define({ constructor: {}, t: { needs: ['constructor'] } });
    const run = script([one, one]).given('constructor ok', 't fails', 'restart v2');
    expect(run.standing).toBe('constructor:succeeded t:queued run:going');
  });

  it('the timeout is that of the new version', () => {
    const timed = define({ a: {} }, { timeoutMs: 5_000 });
    const run = script([timed, define({ a: {} })]).given('a fails', 'restart v2', '+9000');
    run.when('run wakes').expectRefusal('task.stale');
  });

  it.each<[string, Parameters<typeof script>[0], string, string]>([
    ['it is gone', WITHOUT, 'restart v2', 'restart.running'],
    ['it has another name', RENAMED, 'restart v2 good=bad a', 'restart.running'],
    [
      'it works elsewhere',
      define({ a: {}, bad: { needs: ['a'], action: 'test.other' }, c: {} }),
      'restart v2',
      'restart.running',
    ],
    [
      'it is mapped now',
      define({ a: {}, bad: { needs: ['a'], each: [1] }, c: {} }),
      'restart v2',
      'restart.running',
    ],
  ])('law 6: a job that runs stays where it can be found: %s', (_, next, words, code) => {
    const run = script([OLD, ...(Array.isArray(next) ? next : [next])]).given('a ok', 'bad starts');
    run.when(words).expectRefusal(code, /"bad" is still running/);
  });

  it('a job that runs goes on when its task is the same', () => {
    const more = define({ z: {}, a: {}, bad: { needs: ['a'] }, c: { needs: ['bad'] } });
    const run = script([OLD, more]).given('a ok', 'bad starts', 'bad submits', 'restart v2');
    expect(run.standing).toBe('z:queued a:succeeded bad:running c:waiting run:going');
    run.given('bad ok').when('z ok').expectEvents('z succeeded');
    expect(run.standing).toContain('c:queued');
  });

  it.each<[string, RegExp]>([
    ['restart v2 x=bad', /the new version has no task "x"/],
    ['restart v2 good=x', /the run has no task "x"/],
    ['restart v2 good=bad c=bad', /"bad" cannot become two tasks/],
  ])('"%s" is refused', (words, message) => {
    failed(RENAMED).when(words).expectRefusal('request.invalid', message);
  });
});
