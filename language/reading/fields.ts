/**
 * Checks the fields of a map one by one against their schemas, so that one bad field does not
 * hide the others, and puts zod's issues into our words.
 */
import { z } from 'zod';
import { didYouMean } from '../../model/suggestion.ts';
import { type Path, type Report, found, isRecord } from '../../model/issue.ts';

type Shape = Readonly<Record<string, z.ZodType>>;

/** The fields of a map, and which of them must be there. */
interface Form<S extends Shape> {
  readonly shape: S;
  readonly keys: readonly string[];
  readonly required: readonly string[];
}

export function formOf<S extends Shape>(shape: S): Form<S> {
  const keys = Object.keys(shape);
  return { shape, keys, required: keys.filter((key) => !shape[key]?.safeParse(undefined).success) };
}

/**
 * The fields that are well-formed, as they stand in the file. Unknown, missing and malformed ones
 * are reported and left out.
 */
export function checkFields<S extends Shape>(
  value: Readonly<Record<string, unknown>>,
  { shape, keys, required }: Form<S>,
  path: Path,
  report: Report,
): { readonly [K in keyof S]?: z.input<S[K]> } {
  const good: [string, unknown][] = [];
  for (const [key, field] of Object.entries(value)) {
    const at = [...path, key];
    const schema = Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (schema === undefined) {
      reportUnknownKey(at, key, keys, report);
      continue;
    }
    const result = schema.safeParse(field);
    if (result.success) good.push([key, field]);
    else reportIssues(result.error.issues, field, at, keysOf(schema), report);
  }
  for (const key of required) {
    if (Object.hasOwn(value, key)) continue;
    report({ code: 'field.missing', message: `"${key}" is missing`, path, at: 'key' });
  }
  // What passed its schema has its type; the values themselves stay the file's own.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(good) as { readonly [K in keyof S]?: z.input<S[K]> };
}

export function reportUnknownKey(
  path: Path,
  key: string,
  known: readonly string[],
  report: Report,
): void {
  const list = () => (known.length <= 12 ? `known here: ${known.join(', ')}` : undefined);
  report({
    code: 'field.unknown',
    message: `unknown key "${key}"`,
    path,
    at: 'key',
    hint:
      key === '<<' ? 'merge keys are not part of YAML 1.2' : () => didYouMean(key, known) ?? list(),
  });
}

/** Keys that maps inside a field may have, for "did you mean". */
function keysOf(schema: z.ZodType): readonly string[] {
  if (schema instanceof z.ZodOptional) return keysOf(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodArray) return keysOf(schema.element as z.ZodType);
  if (schema instanceof z.ZodUnion)
    return schema.options.flatMap((option) => keysOf(option as z.ZodType));
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

type ZodIssue = z.core.$ZodIssue;

export function reportIssues(
  issues: readonly ZodIssue[],
  value: unknown,
  base: Path,
  known: readonly string[],
  report: Report,
  code = 'field.value',
): void {
  for (const issue of issues) {
    const inner = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
    const path = [...base, ...inner];
    const here = valueAt(value, inner);
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) reportUnknownKey([...path, key], key, known, report);
    } else if (here === undefined && inner.length > 0) {
      const key = String(inner.at(-1));
      report({
        code: 'field.missing',
        message: `"${key}" is missing`,
        path: path.slice(0, -1),
        at: 'key',
      });
    } else if (issue.code === 'invalid_union') {
      const branch = fittingBranch(issue.errors);
      if (branch === undefined) {
        report({ code: 'field.type', message: worded(issue, here), path });
      } else {
        reportIssues(branch, here, path, known, report, code);
      }
    } else {
      const type = issue.code === 'invalid_type' ? 'field.type' : code;
      const hint = () => suggestion(issue, here);
      const at = issue.code === 'invalid_key' ? 'key' : 'value';
      report({
        code: code === 'field.value' ? type : code,
        message: worded(issue, here),
        path,
        at,
        hint,
      });
    }
  }
}

/** The branch that the value was meant for: its own type fits, something inside does not. */
function fittingBranch(
  branches: readonly (readonly ZodIssue[])[],
): readonly ZodIssue[] | undefined {
  return branches.find((issues) => {
    return issues.every(({ code, path }) => {
      return path.length > 0 || (code !== 'invalid_type' && code !== 'invalid_union');
    });
  });
}

function suggestion(issue: ZodIssue, value: unknown): string | undefined {
  if (issue.code === 'invalid_value' && typeof value === 'string') {
    return didYouMean(value, issue.values.map(String));
  }
  return undefined;
}

function worded(issue: ZodIssue, value: unknown): string {
  const plain = issue.message
    .replace(/^Invalid (?:input|option): /, '')
    .replace(/, received .*$/, '')
    .replace(/^Too (?:small|big): /, '');
  const lower = plain.charAt(0).toLowerCase() + plain.slice(1);
  return issue.code === 'custom' ? lower : `${lower}, found ${found(value)}`;
}

export function valueAt(value: unknown, path: Path): unknown {
  let here = value;
  for (const part of path) {
    if (Array.isArray(here) && typeof part === 'number') here = here[part];
    else if (isRecord(here) && Object.hasOwn(here, part)) here = here[part];
    else return undefined;
  }
  return here;
}
