/**
 * What is kept of what comes from outside: outputs and failures, with the secrets blacked out, as
 * JSON that can be written, and not more of it than a journal can hold.
 */
import { OUTPUT_MAX_BYTES } from '../../model/bounds.ts';
import { formatPath } from '../../model/issue.ts';
import { unwritable } from '../../model/json-text.ts';
import type { Json, JsonObject } from '../../model/json.ts';
import { plainJson } from '../../model/plain.ts';
import type { Redactor } from '../../model/redactor.ts';
import type { Failure } from '../../model/run.ts';

const MOST_MESSAGE_CHARACTERS = 20_000;

/** Nothing that comes from outside is kept before secrets are blacked out of it. */
export function redacted(redactor: Redactor | undefined, value: Json): Json {
  return redactor === undefined ? value : redactor.value(value);
}

/** Why the output cannot be kept: it is no JSON that can be written, or too much of it. */
export function outputFailure(json: Json): Failure | undefined {
  const issue = plainJson(json, true);
  if (issue !== undefined) {
    const place = issue.path.length === 0 ? '' : ` at ${formatPath(issue.path)}`;
    const message = `the output cannot be kept${place}: it ${issue.message}`;
    return { class: 'rejected', code: 'output.unwritable', message };
  }
  const sizeBytes = Buffer.byteLength(JSON.stringify(json));
  if (sizeBytes <= OUTPUT_MAX_BYTES) return undefined;
  const message = `the output has ${sizeBytes} bytes, at most ${OUTPUT_MAX_BYTES} are kept; write large data to a file or a table and give its address`;
  return { class: 'rejected', code: 'output.too-large', message };
}

/** Small without a doubt: a few plain fields. Whatever else there is gets measured. */
export function isSmall(output: Json): boolean {
  if (isSmallValue(output)) return true;
  if (!isObject(output)) return false;
  let fields = 0;
  for (const name in output) if (++fields > 8 || !isSmallValue(output[name])) return false;
  return true;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSmallValue(value: Json | undefined): boolean {
  if (typeof value === 'string') return value.length < 1_000 && unwritable(value) === undefined;
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'boolean' || value === null || value === undefined;
}

/** The words of a system may hold anything: what is kept of them is text, and not too much. */
export function failureKept(
  { native, message, ...rest }: Failure,
  redactor: Redactor | undefined,
): Failure {
  const text = (redactor?.text(message) ?? message).slice(0, MOST_MESSAGE_CHARACTERS);
  const kept = { ...rest, message: text.replaceAll('\0', '\ufffd').toWellFormed() };
  if (native === undefined || outputFailure(native) !== undefined) return kept;
  return { ...kept, native: redacted(redactor, native) };
}
