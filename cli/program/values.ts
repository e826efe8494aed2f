/** Words of the command line as values of options. */
import { InvalidArgumentError } from 'commander';
import { addressOf } from '../../model/node-address.ts';
import { parseDuration } from '../../model/duration.ts';

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('It must be a whole number, 0 or more.');
}

export function port(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  throw new InvalidArgumentError('It must be a number between 0 and 65535.');
}

const SHORTEST_LEASE_MS = 500;
const LONGEST_LEASE_MS = 600_000;

export function lease(text: string): number {
  const leaseMs = parseDuration(text);
  if (leaseMs !== undefined && leaseMs >= SHORTEST_LEASE_MS && leaseMs <= LONGEST_LEASE_MS)
    return leaseMs;
  throw new InvalidArgumentError('It must be a duration between 500ms and 10m, such as 5s.');
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
};
const LOG_LEAST_BYTES = 1000;

/** `10MB`, `500 kB`, `20000` */
export function logLimit(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim()) ?? [];
  const bytes = Number(digits) * (UNITS[unit.toLowerCase()] ?? NaN);
  if (digits !== '' && Number.isSafeInteger(bytes) && bytes >= LOG_LEAST_BYTES) return bytes;
  throw new InvalidArgumentError('It must be a size of 1kB or more, such as 10MB.');
}

export function url(text: string): string {
  const address = addressOf(text);
  if (address !== undefined) return address;
  throw new InvalidArgumentError(
    'It must be an address such as http://tutti-1:7700, without user, query and fragment.',
  );
}

export function factor(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('It must be a number, 0 or more.');
}
