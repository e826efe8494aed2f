/**
 * Workflow files: validate, deploy, import, schema.
 */
import { loadConnectors } from '../../connectors/index.ts';
import { catalogueOf } from '../../connectors/kit/index.ts';
import { type Problem, TuttiError } from '../../model/errors.ts';
import { readWorkflow } from '../../language/read.ts';
import type { Issue } from '../../model/issue.ts';
import { importWfFormat } from '../../language/wfformat.ts';
import { workflowJsonSchema } from '../../language/workflow.ts';
import type { Deployed } from '../../protocol/workflows.ts';
import { alone, type CommonOptions, connected } from '../context.ts';
import { EXIT } from '../runtime.ts';
import { validateSource } from '../validation.ts';
import { problemLines } from '../view/problems.ts';
import { oneLine, plural } from '../view/words.ts';
import { Together } from '../together.ts';
import { readWorkflowFile, type WorkflowFile } from './files.ts';
import { parseJson } from './values.ts';

export const validate = alone<CommonOptions>(async (context, files) => {
  const read = files.map((file) => readWorkflowFile(context, file));
  const results = await resultsOf(read);
  const lines = results.flatMap(({ file, valid, problems, notes }) =>
    valid
      ? [
          `${context.paint.sign('succeeded')} ${oneLine(file)} is valid.`,
          ...notes.map((note) => `  note: ${note}`),
        ]
      : [
          `${context.paint.sign('failed')} ${oneLine(file)} has ${plural(problems.length, 'mistake')}.`,
          ...problemLines(problems, context.sources),
        ],
  );
  context.print(results, lines);
  return results.every((one) => one.valid) ? EXIT.done : EXIT.badInput;
});

/**
 * Read with the connectors that the files name. Where that finds a mistake all are loaded: what
 * was meant may be an action of another.
 */
async function resultsOf(files: readonly WorkflowFile[]) {
  const together = new Together(files);
  const issues = await together.issues();
  const noted = together.notes();
  const readWith = async (names?: ReadonlySet<string>) => {
    const actions = catalogueOf(await loadConnectors(names));
    return files.map((one) => {
      const { source, file } = one;
      const notes = noted.get(one) ?? [];
      return { file, ...validateSource(source, file, actions, issues.get(one)), notes };
    });
  };
  const names = together.connectors();
  const results = await readWith(names);
  return names === undefined || results.every(({ valid }) => valid) ? results : readWith();
}

interface DeployOptions extends CommonOptions {
  readonly reason?: string;
}

export const deploy = connected<DeployOptions>(async (context, files) => {
  const { client, options } = context;
  const results: Deployed[] = [];
  // All files are read before the first is deployed: a wrong name leaves nothing half done.
  const read = files.map((one) => readWorkflowFile(context, one));
  const together = new Together(read);
  const issues = await together.issues();
  refuse(read.flatMap((file) => placed(file, issues.get(file))));
  for (const file of together.inOrder()) {
    const reason = options.reason === undefined ? {} : { reason: options.reason };
    results.push(await client.deployWorkflow({ ...file, ...reason }));
  }
  const lines = results.map(
    ({ workflow, pool, version, changed }) =>
      `${workflow ?? `pool ${pool}`} version ${version} ${changed ? 'is deployed' : 'is there already'}.`,
  );
  context.print(results, lines);
  return EXIT.done;
});

function placed(file: WorkflowFile, found: readonly Issue[] = []): readonly Problem[] {
  return found.length === 0 ? [] : readWorkflow(file.source, { file: file.file, found }).problems;
}

function refuse(problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const detail = 'The files cannot be deployed together.';
  throw new TuttiError('workflow.invalid', detail, { problems });
}

interface ImportOptions extends CommonOptions {
  readonly timeScale: number;
}

export const importFile = alone<ImportOptions>(async (context, [format = '', file = '']) => {
  if (format !== 'wfformat') {
    const detail = `There is no import of ${JSON.stringify(format)}: it must be wfformat.`;
    throw new TuttiError('request.invalid', detail);
  }
  const { source } = readWorkflowFile(context, file);
  const { timeScale } = context.options;
  const { yaml, name, tasks, edges } = importWfFormat(parseJson(source, file), { timeScale });
  context.print({ workflow: yaml, name, tasks, edges }, [yaml.trimEnd()]);
  return EXIT.done;
});

export const schema = alone<CommonOptions>(async (context) => {
  const json = workflowJsonSchema();
  context.print(json, [JSON.stringify(json, null, 2)]);
  return EXIT.done;
});
