import { expect, it } from 'vitest';
import { ENGINE, isReservedActor } from './actor.ts';

it.each([
  ENGINE,
  'tutti',
  'Tutti',
  ' TUTTI\t',
  'system',
  'System ',
  '\u00a0system',
  'tut\u200bti',
  'ｔｕｔｔｉ',
  'engine',
  'run',
  'Run r-1',
  'run\u00a0r-1',
])('%j is kept for Tutti itself', (name) => expect(isReservedActor(name)).toBe(true));

it.each(['ada', 'tuttifrutti', 'runner', 'system-admin', 'user tutti', 'operator', 'Jürgen'])(
  '%j may act',
  (name) => expect(isReservedActor(name)).toBe(false),
);
