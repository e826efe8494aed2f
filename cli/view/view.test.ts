import { describe, expect, it } from 'vitest';
import type { RunView, TaskView } from '../../model/run.ts';
import { cut } from '../screen.ts';
import { eventLine } from './events.ts';
import { runScreen, runTable, taskTree } from './run.ts';
import { duration, harmless, oneLine, Paint, printable, table, widthOf } from './words.ts';

const plain = new Paint(false);
const colored = new Paint(true);

describe('words', () => {
  it.each([
    [0, '0ms'],
    [-5, '0ms'],
    [999, '999ms'],
    [1000, '1.0s'],
    [59_949, '59.9s'],
    [59_950, '1m00s'],
    [3_599_499, '59m59s'],
    [3_600_000, '1h00m'],
    [7_380_000, '2h03m'],
    [86_400_000 * 3 + 3_600_000 * 4, '3d04h'],
  ])('%i ms is %s', (ms, words) => expect(duration(ms)).toBe(words));

  it('aligns columns by what is seen', () => {
    expect(
      table([
        [colored.status('failed'), 'a'],
        ['x', 'b'],
      ]).map(widthOf),
    ).toEqual([11, 11]);
  });

  it('takes the sting out of control characters', () => {
    expect(harmless('a\u001b[2Jb\u0007\tc\nd')).toBe('a�[2Jb�\tc\nd');
  });

  it('takes the sting out of what turns the direction of writing, or ends a line unseen', () => {
    expect(harmless('a\u202eb\u2066c\u2028d')).toBe('a\ufffdb\ufffdc\ufffdd');
    expect(harmless('\u200eשלום')).toBe('\u200eשלום');
  });

  it('keeps a row on one line, whatever a cell holds', () => {
    const cells = [
      ['a\n0192f0  hello  succeeded', 'b\r\nc'],
      ['x', 'y\r'],
    ];
    expect(table(cells)).toHaveLength(2);
    expect(table(cells).join('')).not.toMatch(/[\r\n]/);
    expect(oneLine('a\nb\tc\u001b[2J')).toBe('a↵b c\ufffd[2J');
  });

  it('prints of what commands say only the paint as it is', () => {
    const line = `${colored.status('failed')} ${colored.dim('\u001b]0;title\u0007')}\u001b[2J\u001b[8m`;
    expect(printable(line)).toBe(
      `${colored.status('failed')} ${colored.dim('\ufffd]0;title\ufffd')}\ufffd[2J\ufffd[8m`,
    );
  });

  it('cuts what is seen and keeps what colours', () => {
    const line = `${colored.red('abcdef')} ghi`;
    expect(cut(line, 20)).toBe(line);
    expect(widthOf(cut(line, 5))).toBe(5);
    expect(cut(line, 5)).toBe('\u001b[31mabcd…\u001b[0m');
  });
});

const task = (name: string, more: Partial<TaskView> = {}): TaskView => ({
  task: name,
  kind: 'tutti.noop',
  status: 'succeeded',
  attempt: 1,
  needs: [],
  gates: [],
  ...more,
});
const run = (taskViews: TaskView[]): RunView => ({
  id: 'r-1',
  workflow: 'w',
  version: 2,
  status: 'running',
  by: { actor: 'ada' },
  createdAt: 0,
  tasks: { total: taskViews.length, ended: 1, failed: 0 },
  inputs: {},
  taskViews,
});

describe('a list of runs', () => {
  it('has one line for each, whatever their keys', () => {
    const forged = { ...run([]), key: 'k\nr-2  other v1  ✔ succeeded' };
    expect(runTable([forged, run([])], plain, 0)).toHaveLength(3);
    expect(runTable([forged], plain, 0).join('')).not.toContain('\n');
  });
});

describe('a run', () => {
  it('is a tree, items below their task', () => {
    const tree = taskTree(
      run([
        task('a', { startedAt: 100, endedAt: 300 }),
        task('b', { items: { total: 2, ended: 1, failed: 0 }, status: 'running', startedAt: 300 }),
        task('c', {
          status: 'waiting',
          gates: [{ kind: 'upstream', message: 'waits for "b"', on: 'b' }],
        }),
        task('b[0]', { attempt: 3 }),
      ]),
      plain,
      1300,
    );
    expect(tree).toEqual([
      '├─ a        ✔ succeeded  200ms',
      '├─ b        ▶ running    1.0s   1/2 items',
      '│  ├─ b[0]  ✔ succeeded         attempt 3',
      '└─ c        · waiting                      waits for "b"',
    ]);
  });

  it('is counts when there are many tasks, and names what needs an eye', () => {
    const many = Array.from({ length: 50 }, (_, at) => task(`t${at}`));
    const failure = { class: 'failed', code: 'shell.exit', message: 'exit code 3' } as const;
    const lines = runScreen(run([...many, task('bad', { status: 'failed', failure })]), plain, 10);
    expect(lines[1]).toBe('  ✖ 1 failed   ✔ 50 succeeded');
    expect(lines[2]).toBe('  bad  ✖ failed  exit code 3');
  });

  it('tells the command for a decision', () => {
    const gates = [{ kind: 'approval', message: 'waits', on: 'boss' }] as const;
    const lines = runScreen(
      run([task("it's[0]", { kind: 'approve', status: 'deciding', gates })]),
      plain,
      10,
    );
    expect(lines.at(-1)).toContain(`For boss to decide: tutti approve r-1 'it'\\''s[0]'`);
  });
});

describe('an event', () => {
  const event = (type: string, more: object = {}) => ({
    seq: 1,
    at: 5_000,
    type,
    task: 'a',
    attempt: 1,
    end: null,
    data: {},
    ...more,
  });
  it.each([
    [
      event('TaskEnded', {
        end: 'failed',
        data: { startedAt: 4_000, failure: { message: 'no\nmore' } },
      }),
      '✖ a failed after 1.0s: no',
    ],
    [
      event('TaskRetrying', { attempt: 2, data: { nextAt: 8_000 } }),
      '↻ a (attempt 2) tried again in 3.0s',
    ],
    [
      event('RunHeld', { task: null, attempt: null, data: { by: { actor: 'bo', reason: 'x' } } }),
      '‖ the run is held by bo (x)',
    ],
    [event('TaskExpanded', { data: { items: [1, 2] } }), '▶ a runs for 2 items'],
  ])('is one line: %#', (one, words) => {
    expect(eventLine(one, plain)).toBe(`00:00:05 ${words}`);
  });
  it('is nothing when nobody who follows cares, or when it is not known', () => {
    expect(eventLine(event('TaskWoken'), plain)).toBeNull();
    expect(eventLine(event('toString'), plain)).toBeNull();
  });
});
