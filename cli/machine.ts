/**
 * The real clock, ids and chance. Only the composition root hands them out; everything below it
 * takes time and chance as arguments.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { Alarms, type Ticker } from '../engine/alarms.ts';
import type { Chance, Clock, Ids } from '../engine/clock.ts';

/** setTimeout fires at once beyond this. */
const TIMER_MAX_MS = 2 ** 31 - 1;

const ticker: Ticker = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, callback) {
    let timer: NodeJS.Timeout | undefined;
    const arm = (leftMs: number): void => {
      const piece = Math.min(leftMs, TIMER_MAX_MS);
      timer = setTimeout(leftMs > piece ? () => arm(leftMs - piece) : callback, piece);
    };
    arm(Math.max(0, ms));
    return () => clearTimeout(timer);
  },
  // After every callback of this turn of the event loop, before it waits for sockets again.
  soon: (callback) => void setImmediate(callback),
};
const alarms = new Alarms(ticker);

export const machineClock: Clock = {
  ...ticker,
  at: (time, callback) => alarms.at(time, callback),
};

const PRECISION = 2 ** 47;
export const machineChance: Chance = {
  next: () => randomInt(PRECISION) / PRECISION,
};

/** UUID version 7 (RFC 9562): 48 bits of milliseconds, then chance: at least ten bytes of it. */
function uuid7(now: number, random: Uint8Array): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes.set(random.subarray(0, 10), 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  const [time, low] = [hex.slice(0, 8), hex.slice(8, 12)];
  return `${time}-${low}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const RANDOM_BYTES = 10;
/** The system is asked for the chance of many ids at once. */
const POOL_IDS = 256;
let pool = Buffer.alloc(0);

function nextRandom(): Uint8Array {
  if (pool.length < RANDOM_BYTES) pool = randomBytes(RANDOM_BYTES * POOL_IDS);
  const next = pool.subarray(0, RANDOM_BYTES);
  pool = pool.subarray(RANDOM_BYTES);
  return next;
}

export const machineIds: Ids = {
  run: () => uuid7(Date.now(), nextRandom()),
};
