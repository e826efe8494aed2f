/** The binary forms, byte by byte; `append.db.test.ts` has the server read them. */
import { expect, it } from 'vitest';
import { documents, doubles, integers, eventRanges, uuids, texts } from './columns.ts';

const hex = (buffer: Buffer): string =>
  buffer
    .toString('hex')
    .replaceAll(/(.{8})/g, '$1 ')
    .trim();

it('writes heads and elements', () => {
  expect(hex(integers([1, null, -2], (each) => each))).toBe(
    '00000001 00000001 00000017 00000003 00000001 00000004 00000001 ffffffff 00000004 fffffffe',
  );
  expect(hex(doubles([Infinity], (each) => each))).toBe(
    '00000001 00000001 000002bd 00000001 00000001 00000008 7ff00000 00000000',
  );
  expect(hex(texts(['ab', null, 'é'], (each) => each))).toBe(
    '00000001 00000001 00000019 00000003 00000001 00000002 6162ffff ffff0000 0002c3a9',
  );
});

it('writes an empty array without a dimension', () => {
  expect(hex(documents([], String))).toBe('00000000 00000001 00000072');
});

it('writes UUIDs, also of neighbours', () => {
  const id = '0199a0ff-1234-7abc-8DEF-0123456789ab';
  const element = '00000010 0199a0ff 12347abc 8def0123 456789ab';
  expect(hex(uuids([id, id, null, id], (each) => each)).slice(45)).toBe(
    `${element} ${element} ffffffff ${element}`,
  );
});

it('grows beyond its memory', () => {
  const long = 'ü"\\'.repeat(100_000);
  expect(
    texts([long, 'end'], (each) => each)
      .subarray(24, 24 + 400_000)
      .toString(),
  ).toBe(long);
});

it.each(['', 'x', '0199a0ff-1234-7abc-8def-0123456789ag', '0199a0ff12347abc8def0123456789ab'])(
  'refuses %j as a UUID',
  (id) => {
    expect(() => uuids([id], String)).toThrow('is not a UUID');
  },
);

it.each([1.5, Number.NaN, 2 ** 31])('refuses %d as an integer', (value) => {
  expect(() => integers([value], Number)).toThrow('is not a 32-bit integer');
});

it('writes stretches of one run, with the first number and the count', () => {
  const [a, b] = ['0199a0ff-1234-7abc-8def-0123456789ab', '00000000-0000-0000-0000-000000000001'];
  const events = [
    { run: a, seq: 7 },
    { run: a, seq: 8 },
    { run: a, seq: 10 },
    { run: b, seq: 11 },
    { run: b, seq: 12 },
    { run: a, seq: 11 },
  ];
  const [bytesA, bytesB] = [
    '0199a0ff 12347abc 8def0123 456789ab',
    '00000000 00000000 00000000 00000001',
  ];
  const ids = uuids(events, (event) => event.run);
  expect(hex(eventRanges(events, ids) ?? Buffer.alloc(0))).toBe(
    [
      `${bytesA} 00000007 00000002`,
      `${bytesA} 0000000a 00000001`,
      `${bytesB} 0000000b 00000002`,
      `${bytesA} 0000000b 00000001`,
    ].join(' '),
  );
  expect(
    eventRanges(
      [],
      uuids([], () => null),
    ),
  ).toBeNull();
});
