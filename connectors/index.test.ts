import { expect, test } from 'vitest';
import { loadConnectors } from './index.ts';
import { catalogueOf } from './kit/index.ts';
import { durationMs, durationText } from './kit/duration.ts';

const loaded = await loadConnectors();

test('every connector is found by its own name, alone', async () => {
  const names = loaded.map(({ name }) => name);
  const alone = await Promise.all(names.map((name) => loadConnectors(new Set([name]))));
  expect(alone.map((each) => each.map(({ name }) => name))).toEqual(names.map((name) => [name]));
});

test('every action that ships is in the catalogue under the name of its connector', () => {
  expect([...catalogueOf(loaded).keys()]).toEqual([
    'tutti.noop',
    'tutti.set',
    'tutti.fail',
    'shell.run',
    'http.request',
    'sql.execute',
    'sql.query',
    'file.copy',
    'file.move',
    'file.checksum',
    'file.wait',
    'file.write',
  ]);
});

test('secrets are marked in the configurations', () => {
  const secrets = loaded.map(({ name, config }) => {
    const { shape } = config as unknown as { shape: Record<string, { meta(): unknown }> };
    const fields = Object.entries(shape).filter(
      ([, field]) => (field.meta() as { secret?: boolean } | undefined)?.secret === true,
    );
    return [name, fields.map(([field]) => field)];
  });
  expect(Object.fromEntries(secrets)).toEqual({
    tutti: [],
    shell: [],
    file: [],
    http: ['token', 'password'],
    sql: ['url'],
  });
});

test.each([
  ['500ms', 500],
  ['1.5s', 1500],
  ['1h30m', 5_400_000],
  ['2d', 172_800_000],
  ['0s', 0],
])('%s is %i ms', (text, ms) => {
  expect(durationMs(durationText.parse(text))).toBe(ms);
});

test.each(['', '5', '5 s', '-1s', '1w', 's'])('"%s" is no duration', (text) => {
  expect(durationText.safeParse(text).success).toBe(false);
});
