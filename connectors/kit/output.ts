/** The size that an output may have, in one place for every connector. */
import { ActionFailure } from './connector.ts';

export const OUTPUT_LIMIT_BYTES = 256 * 1024;

export function outputTooLarge(what: string): ActionFailure {
  return new ActionFailure({
    class: 'rejected',
    code: 'output.too-large',
    message: `${what} is larger than 256 kB; write large data to a file or a table and give its address as output`,
  });
}

/** Gives the value back, or throws `output.too-large`. */
export function boundedOutput<T>(what: string, value: T): T {
  if (Buffer.byteLength(JSON.stringify(value) ?? '') > OUTPUT_LIMIT_BYTES)
    throw outputTooLarge(what);
  return value;
}
