/** What an attempt leaves: outputs and failures as they may be kept, told once, after its log. */
import { describe, expect, it } from 'vitest';
import { ActionFailure } from '../../connectors/kit/connector.ts';
import { OUTPUT_MAX_BYTES } from '../../model/bounds.ts';
import type { Json } from '../../model/json.ts';
import { Redactor } from '../../model/redactor.ts';
import type { AttemptReport } from '../../model/run.ts';
import { runningAttempt } from './attempt.fixture.ts';
import { type AttemptServices, isOutcome } from './attempt-services.ts';
import { failureOf } from './failures.ts';
import { confirm, deliver, failWith, resolveUnknown, markUnknown, succeed } from './reports.ts';
import type { RunningAttempt } from './running-attempt.ts';

function subject(options: { secrets?: string[]; hasLog?: boolean } = {}) {
  const steps: string[] = [];
  const reports: AttemptReport[] = [];
  let written = (): void => undefined;
  const note = (how: string) => (_: unknown, command: AttemptReport) => {
    steps.push(`${how} ${command.type}`);
    reports.push(command);
    return Promise.resolve(true);
  };
  const services = {
    redactor: options.secrets && new Redactor(options.secrets),
    finish: () => void steps.push('finish'),
    logs: {
      finish: () => {
        if (options.hasLog !== true) return undefined;
        steps.push('write log');
        return new Promise<void>((resolve) => (written = resolve));
      },
    },
    report: note('report'),
    tell: note('tell'),
  } as unknown as AttemptServices;
  const attempt = runningAttempt();
  const running = { attempt, services, startedAt: 5 } as RunningAttempt;
  return { running, reports, steps, write: () => written() };
}

const ABOUT = { run: 'r1', task: 'a', attempt: 1 };

describe('an output', () => {
  it('that is small and without a log is told at once, and nothing is waited for', () => {
    const { running, reports, steps } = subject();
    expect(deliver(running, { rows: 3 })).toBeUndefined();
    expect(steps).toEqual(['finish', 'tell CompleteTask']);
    expect(reports).toEqual([
      { type: 'CompleteTask', ...ABOUT, output: { rows: 3 }, startedAt: 5 },
    ]);
  });

  it('is reported when the log is durable, and its place in the lane is free before', async () => {
    const { running, steps, write } = subject({ hasLog: true });
    const done = deliver(running, undefined);
    expect(steps).toEqual(['write log', 'finish', 'write log']);
    write();
    await done;
    expect(steps.at(-1)).toBe('report CompleteTask');
  });

  it.each([
    ['too large', 'x'.repeat(OUTPUT_MAX_BYTES), 'output.too-large', 'at most'],
    ['no number', { sum: Number.NaN }, 'output.unwritable', 'at sum'],
    ['half a character', ['\ud800'], 'output.unwritable', 'at [0]'],
    ['NUL', { deep: { text: '\0' } }, 'output.unwritable', 'at deep.text'],
  ])('that cannot be kept fails the task: %s', async (_, output, code, where) => {
    const { running, reports } = subject();
    await deliver(running, output);
    expect(reports).toMatchObject([{ type: 'FailTask', failure: { class: 'rejected', code } }]);
    expect(JSON.stringify(reports)).toContain(where);
  });

  it('has no secrets in it', async () => {
    const { running, reports } = subject({ secrets: ['planted'] });
    await succeed(running, { text: 'a planted tree' });
    expect(reports).toMatchObject([{ output: { text: 'a ••• tree' } }]);
  });
});

describe('a failure', () => {
  const failure = (native?: Json, output?: Json) =>
    new ActionFailure({
      class: 'transient',
      code: 'http.status',
      message: `planted\0 \ud800 ${'x'.repeat(30_000)}`,
      ...(native !== undefined && { native }),
      ...(output !== undefined && { output }),
      retryAfterMs: 70,
    });

  it('is kept as text that can be written, not too much of it, without secrets', async () => {
    const { running, reports } = subject({ secrets: ['planted'] });
    await failWith(running, failure({ body: 'planted' }, { said: 'planted' }));
    const [report] = reports as Extract<AttemptReport, { type: 'FailTask' }>[];
    expect(report).toMatchObject({
      failure: { class: 'transient', code: 'http.status', native: { body: '•••' } },
      output: { said: '•••' },
      retryAfterMs: 70,
    });
    expect(report?.failure.message.length).toBe(20_000);
    expect(report?.failure.message).toMatch(/^•••\ufffd \ufffd x+$/);
  });

  it('loses what cannot be kept of it, and nothing else', async () => {
    const { running, reports } = subject();
    await failWith(running, failure('x'.repeat(OUTPUT_MAX_BYTES), ['\ud800']));
    const [report] = reports as Extract<AttemptReport, { type: 'FailTask' }>[];
    expect(report?.failure).not.toHaveProperty('native');
    expect(report).not.toHaveProperty('output');
  });

  it('of a connector that throws anything else is unknown: it is never retried blindly', () => {
    expect(failureOf(new TypeError('x is undefined'))).toMatchObject({
      class: 'unknown',
      code: 'connector.error',
      message: 'x is undefined',
    });
    expect(failureOf('no error').message).toBe('no error');
  });
});

it('says of which reports an attempt ends', async () => {
  const { running, reports, steps } = subject();
  await confirm(running);
  await markUnknown(running, failureOf(new Error('silence')));
  resolveUnknown(running);
  await succeed(running, null);
  await failWith(running, failureOf(new Error('bad')));
  expect(reports.map((report) => [report.type, isOutcome(report)])).toEqual([
    ['ConfirmCancel', true],
    ['MarkUnknown', false],
    ['ResolveUnknown', false],
    ['CompleteTask', true],
    ['FailTask', true],
  ]);
  expect(steps).toEqual([
    'finish',
    'report ConfirmCancel',
    'report MarkUnknown',
    'tell ResolveUnknown',
    'finish',
    'report CompleteTask',
    'finish',
    'report FailTask',
  ]);
});
