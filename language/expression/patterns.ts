/**
 * Regular expressions in linear time (RE2). `matches` of CEL would run on the backtracking
 * engine of the host, where one pattern can hold the process for minutes.
 */
import { RE2JS } from 're2js';
import { ExpressionError } from './failure.ts';

const PATTERN_CHARACTERS = 500;
const SUBJECT_CHARACTERS = 20_000;
const KEPT = 200;

interface Pattern {
  /** True when the pattern is found anywhere in the text. */
  test(text: string): boolean;
}

/** The patterns of whoever holds it, compiled once: of many the newest are kept. */
export class Patterns {
  readonly #compiled = new Map<string, Pattern>();

  /** Throws ExpressionError. */
  compile(source: string): Pattern {
    const known = this.#compiled.get(source);
    if (known !== undefined) return known;
    if (source.length > PATTERN_CHARACTERS) {
      throw new ExpressionError(`the pattern is longer than ${PATTERN_CHARACTERS} characters`);
    }
    const pattern = build(source);
    const [oldest] = this.#compiled.keys();
    if (this.#compiled.size >= KEPT && oldest !== undefined) this.#compiled.delete(oldest);
    this.#compiled.set(source, pattern);
    return pattern;
  }
}

function build(source: string): Pattern {
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(source);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ExpressionError(`the pattern does not parse: ${reason}`);
  }
  return {
    test(text) {
      if (text.length > SUBJECT_CHARACTERS) {
        throw new ExpressionError(
          `a pattern is tested on at most ${SUBJECT_CHARACTERS} characters, found ${text.length}`,
        );
      }
      return regex.test(text);
    },
  };
}
