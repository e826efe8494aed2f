/** Words of the command line as values, where what they mean takes more than their option. */
import { TuttiError } from '../../model/errors.ts';
import { problemSentence, readJson } from '../../model/json-text.ts';
import type { Json } from '../../model/json.ts';

export function parseJson(text: string, what: string): Json {
  const { value, problem } = readJson(text);
  if (problem === undefined) return value;
  const kept = problem.code === 'json.syntax' ? '' : ' that can be kept';
  throw new TuttiError(
    'request.invalid',
    `${what} is not JSON${kept}: ${problemSentence(problem)}.`,
  );
}

/** `name=value` */
export function pairOf(text: string, what: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new TuttiError(
    'request.invalid',
    `${what} must be name=value, not ${JSON.stringify(text)}.`,
  );
}
