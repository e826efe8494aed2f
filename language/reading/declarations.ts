/** The declarations of the file: inputs with their limits and defaults. */
import { z } from 'zod';
import type { InputDeclaration } from '../../model/definition.ts';
import { ExpressionError } from '../expression/failure.ts';
import { Patterns } from '../expression/patterns.ts';
import { mismatch } from '../inputs.ts';
import type { Json } from '../../model/json.ts';
import { INPUT_TYPES, RESERVED_NAMES, inputShape } from '../workflow.ts';
import { checkFields, formOf } from './fields.ts';
import { type Path, type Report, isRecord } from '../../model/issue.ts';

const INPUT_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,199}$/;
const typeSchema = z.enum(INPUT_TYPES);
const INPUT = formOf(inputShape);

export function lowerInputs(
  declared: Readonly<Record<string, unknown>>,
  report: Report,
): Record<string, InputDeclaration> {
  const inputs: [string, InputDeclaration][] = [];
  const patterns = new Patterns();
  for (const [name, raw] of Object.entries(declared)) {
    const path = ['inputs', name];
    if (!INPUT_NAME.test(name) || RESERVED_NAMES.has(name)) {
      const message = RESERVED_NAMES.has(name)
        ? `"${name}" is a reserved name`
        : 'the name of an input has letters, digits, "_" and "-", and begins with a letter';
      report({ code: 'name.invalid', message, path, at: 'key' });
    }
    const declaration = lowerInput(raw, path, report, patterns);
    // Stays declared, so that its uses are not complained about too.
    inputs.push([name, declaration ?? { type: 'object', required: false }]);
  }
  return Object.fromEntries(inputs);
}

function lowerInput(
  raw: unknown,
  path: Path,
  report: Report,
  patterns: Patterns,
): InputDeclaration | undefined {
  const short = typeSchema.safeParse(raw);
  if (short.success) return { type: short.data, required: true };
  const long = typeof raw === 'string' ? { type: raw } : raw;
  if (!isRecord(long)) {
    const message = 'expected a type such as string, or a declaration such as { type: string }';
    report({ code: 'field.type', message, path });
    return undefined;
  }
  const reportHere: Report = (issue) => {
    report(typeof raw === 'string' ? { ...issue, path } : issue);
  };
  const fields = checkFields(long, INPUT, path, reportHere);
  if (fields.type === undefined) return undefined;
  const { type, required, enum: values, default: fallback, ...rest } = fields;
  const declaration: InputDeclaration = {
    // A field that stands in the file has a value.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    ...(rest as Pick<InputDeclaration, 'description' | 'pattern' | 'minimum' | 'maximum'>),
    type,
    required: required ?? fallback === undefined,
    // The file holds JSON only.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    ...(values !== undefined && { enum: values as readonly Json[] }),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    ...(fallback !== undefined && { default: fallback as Json }),
  };
  checkDeclaration(declaration, path, report, patterns);
  return declaration;
}

const ONLY: readonly [keyof InputDeclaration, readonly InputDeclaration['type'][]][] = [
  ['pattern', ['string']],
  ['minLength', ['string']],
  ['maxLength', ['string']],
  ['minimum', ['number', 'integer']],
  ['maximum', ['number', 'integer']],
];

function checkDeclaration(
  declaration: InputDeclaration,
  path: Path,
  report: Report,
  patterns: Patterns,
): void {
  const { type, pattern, minimum, maximum, minLength, maxLength } = declaration;
  const wrong = (key: string, message: string, at: 'key' | 'value' = 'value') => {
    report({ code: 'field.value', message, path: [...path, key], at });
  };
  for (const [key, types] of ONLY) {
    if (declaration[key] !== undefined && !types.includes(type)) {
      wrong(key, `"${key}" has no meaning for type ${type}`, 'key');
    }
  }
  if (minimum !== undefined && maximum !== undefined && minimum > maximum) {
    wrong('maximum', `is smaller than the minimum ${minimum}`);
  }
  if (minLength !== undefined && maxLength !== undefined && minLength > maxLength) {
    wrong('maxLength', `is smaller than the minLength ${minLength}`);
  }
  if (pattern !== undefined && !patternParses(pattern, wrong, patterns)) return;
  const { enum: values, ...withoutEnum } = declaration;
  values?.forEach((value, position) => {
    const problem = mismatch(withoutEnum, value, patterns);
    if (problem === undefined) return;
    report({ code: 'field.value', message: problem, path: [...path, 'enum', position] });
  });
  if (declaration.default === undefined) return;
  const problem = mismatch(declaration, declaration.default, patterns);
  if (problem !== undefined) wrong('default', `the default ${problem}`);
}

function patternParses(
  pattern: string,
  wrong: (key: string, message: string) => void,
  patterns: Patterns,
): boolean {
  try {
    patterns.compile(pattern);
    return true;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    wrong('pattern', error.message);
    return false;
  }
}
