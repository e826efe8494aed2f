/**
 * One gate: all commands and outcomes of a run pass it, so only it makes the kernel's steps. What
 * another file stepped would be neither written in order nor followed.
 */
import { importedNames, importsOf, targetOf } from './imports.ts';
import { isShipped } from './shipped.ts';
import { type SourceFile, type Violation, violation } from './source.ts';

export const GATE = 'engine/runs/run-gate.ts';
const MACHINE = 'kernel/run/machine.ts';
const STEPS: readonly string[] = ['first', 'step', 'settleOn'];

export function gateViolations(files: readonly SourceFile[]): Violation[] {
  return files
    .filter(({ path }) => isShipped(path))
    .filter(({ path }) => path !== GATE && !path.startsWith('kernel/'))
    .flatMap(stepsOf);
}

/** Steps that the file imports by name, and imports of the machine that may be any of its names. */
function stepsOf(file: SourceFile): Violation[] {
  const because = `all commands and outcomes pass ${GATE}: bring them there. Previews use \`decide\` and \`previewRestart\`.`;
  return importsOf(file)
    .filter(({ specifier }) => targetOf(file.path, specifier) === MACHINE)
    .flatMap(({ node }) => {
      const names = importedNames(node);
      const steps = names === 'all' ? ['all names'] : names.filter((name) => STEPS.includes(name));
      return steps.map((name) =>
        violation(file, node, `takes ${name} of the machine of a run`, because),
      );
    });
}
