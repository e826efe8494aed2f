/**
 * One gate: all commands and outcomes of a run pass it, so only it makes the kernel's steps. What
 * another file stepped would be neither written in order nor followed.
 */
import { importsOf, targetOf } from './imports.ts';
import { ORDER } from './rooms.ts';
import {
  type Node,
  type SourceFile,
  type Violation,
  child,
  children,
  isTestCode,
  violation,
  word,
} from './source.ts';

export const GATE = 'engine/runs/run-gate.ts';
const MACHINE = 'kernel/run/machine.ts';
const STEPS: readonly string[] = ['first', 'step', 'settleOn'];

export function gateViolations(files: readonly SourceFile[]): Violation[] {
  return files
    .filter(({ path }) => ORDER.includes(path.split('/')[0] ?? '') && !isTestCode(path))
    .filter(({ path }) => path !== GATE && !path.startsWith('kernel/'))
    .flatMap(stepsOf);
}

/** Steps that the file imports by name, and imports of the machine that may be any of its names. */
function stepsOf(file: SourceFile): Violation[] {
  const because = `all commands and outcomes pass ${GATE}: bring them there. Previews use \`decide\` and \`previewRestart\`.`;
  return importsOf(file)
    .filter(({ specifier }) => targetOf(file.path, specifier) === MACHINE)
    .flatMap(({ node }) => {
      const specifiers = children(node, 'specifiers');
      const names = specifiers.map((one) => nameOf(one) ?? 'all names');
      const taken = specifiers.length === 0 ? ['all names'] : names;
      return taken
        .filter((name) => name === 'all names' || STEPS.includes(name))
        .map((name) => violation(file, node, `takes ${name} of the machine of a run`, because));
    });
}

/** Of `import { a as b }` and `export { a as b } from`: a. */
function nameOf(specifier: Node): string | undefined {
  if (specifier.type === 'ImportNamespaceSpecifier') return undefined;
  return word(child(specifier, 'imported') ?? child(specifier, 'local'), 'name');
}
