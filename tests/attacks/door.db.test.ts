/** What comes in by the door: what cannot be written is refused there, in words, and nobody else notices. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Attacked, underAttack } from './harness.ts';

const WAITS = `workflow: waits
inputs: { x: { type: array, default: [] } }
tasks:
  nap: { wait: 10m }
  next: { needs: [nap], wait: 10m }
`;

let attacked: Attacked;
beforeAll(async () => {
  attacked = await underAttack();
  await attacked.deploy(WAITS);
});
afterAll(() => attacked.close());

const NOW = new Date(0).toISOString();
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const start = (inputs: string) => `{"workflow":"waits","inputs":${inputs}}`;

/** What is asked, what comes back, and a word of it. */
const REFUSED: readonly [method: string, path: string, body: string | undefined, words: string][] =
  [
    ['POST', '/runs', start(`{"x":${nested(5_000)}}`), 'nested deeper than 100'],
    ['POST', '/runs', start('{"x":[9007199254740993]}'), 'quote it'],
    ['POST', '/runs', start('{"x":[1e999]}'), 'too large'],
    ['POST', '/runs', start('{"x":["\\u0000"]}'), 'U+0000'],
    ['POST', '/runs', start('{"x":[{"__proto__":1}]}'), '__proto__'],
    ['POST', '/runs', start(`{"x":["${'x'.repeat(1_100_000)}"]}`), '1048576 bytes'],
    ['POST', '/runs', '{"workflow":"waits","businessDate":"0000-01-01"}', '0001-01-01'],
    ['POST', '/runs', '{"workflow":"waits","key":"a\\nb"}', 'one line'],
    ['POST', '/runs', '{"workflow":"waits","version":2147483648}', 'version'],
    ['POST', '/runs', '{"workflow":"a\\u0000b"}', 'U+0000'],
    ['POST', '/bulk/count', '{"filter":{"workflow":"a\\u202eb"}}', 'one line'],
    ['POST', '/bulk/count', '{"filter":{"businessDate":"0000-01-01"}}', '0001-01-01'],
    ['POST', '/bulk/count', '{"filter":{"from":-9007199254740991}}', 'between the years'],
    ['GET', '/runs?businessDate=0000-01-01', undefined, '0001-01-01'],
    ['GET', '/runs?until=0000-01-01T00:00:00Z', undefined, 'between the years'],
    ['GET', '/runs?key=a%00b', undefined, 'one line'],
    ['GET', '/runs?after=WzFlMzA4LCJ4Il0', undefined, 'cursor'],
    ['GET', '/workflows/a%00b', undefined, 'one line'],
    ['GET', '/workflows/waits/versions/2147483648', undefined, 'version'],
    ['GET', '/runs/RUN/events?after=99999999999999', undefined, 'after'],
    ['GET', '/runs/RUN/logs?task=nap&attempt=2147483648', undefined, 'attempt'],
    ['GET', '/runs/RUN/logs?task=a%00b', undefined, 'one line'],
    ['GET', '/events?lastEventId=zzz', undefined, 'feed'],
    ['GET', '/events?lastEventId=999999999999999999.1', undefined, 'feed'],
    [
      'POST',
      '/runs/RUN/tasks/next/force',
      `{"as":"failed","reason":"x","output":${nested(5_000)}}`,
      'nested',
    ],
    [
      'POST',
      '/runs/RUN/tasks/next/force',
      `{"as":"failed","reason":"x","output":"${'x'.repeat(300_000)}"}`,
      '262144 bytes',
    ],
    ['POST', '/runs/RUN/tasks/a%00b/hold', '{}', 'one line'],
    ['POST', '/runs/RUN/hold', '{"reason":"a\\u0007b"}', 'control characters'],
    ['POST', '/runs/RUN/hold', `{"reason":"${'x'.repeat(1_100_000)}"}`, 'larger than 1 MB'],
  ];

describe('what cannot be written', () => {
  it('is refused in words, and changes nothing for anybody', async () => {
    const run = await attacked.start('waits');
    for (const [method, path, body, words] of REFUSED) {
      const answer = await attacked.ask(method, path.replace('RUN', run), body);
      const about = `${method} ${path} ${body?.slice(0, 80)}`;
      const kind = answer.status >= 400 && answer.status < 500 ? 'refused' : answer.status;
      const said = String(answer.body.detail).includes(words) ? words : answer.text.slice(0, 300);
      expect({ about, kind, said }).toEqual({ about, kind: 'refused', said: words });
    }
    await attacked.ask('POST', `/runs/${run}/hold`, { reason: NOW });
    const { events } = (await attacked.ask('GET', `/runs/${run}/events`)).body;
    expect(events.map(({ seq }: { seq: number }) => seq)).toEqual([0, 1, 2]);
    expect(attacked.logged).toEqual([]);
    await attacked.survived({ guilty: run });
  });

  it('is refused when an expression of a parent gives it to a child', async () => {
    const task = `{ workflow: heir, inputs: { x: "\${{ ['\\\\u0000'] }}" } }`;
    await attacked.deploy(
      'workflow: heir\ninputs: { x: { type: array } }\ntasks: { t: { wait: 1s } }\n',
    );
    await attacked.deploy(`workflow: testator\ntasks: { t: ${task} }\n`);
    const run = await attacked.start('testator');
    expect(await attacked.ended(run)).toBe('failed');
    const { taskViews } = await attacked.show(run);
    expect(taskViews[0].failure).toMatchObject({ class: 'rejected', code: 'expression.failed' });
    await attacked.survived({ guilty: run });
  });
});
