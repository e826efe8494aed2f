/**
 * Workflow files: validate, deploy, import, schema.
 */
import type { Command } from 'commander';
import { CONNECTORS } from '../../connectors/index.ts';
import { catalogueOf } from '../../connectors/kit/index.ts';
import { type Problem, TuttiError } from '../../model/errors.ts';
import { readWorkflow } from '../../language/read.ts';
import type { Issue } from '../../model/issue.ts';
import { importWfFormat } from '../../language/wfformat.ts';
import { workflowJsonSchema } from '../../language/workflow.ts';
import type { Deployed } from '../../protocol/workflows.ts';
import { alone, type CommonOptions, connected, EXIT, type Runtime } from '../runtime.ts';
import { validateSource } from '../validation.ts';
import { problemLines } from '../view/problems.ts';
import { oneLine, plural } from '../view/words.ts';
import { declare, declareConnected, withReason } from './command.ts';
import { besideEachOther, inOrder, notesOn } from '../together.ts';
import { readWorkflowFile, type WorkflowFile } from './files.ts';
import { factor, parseJson } from './values.ts';

export function workflowCommands(program: Command, runtime: Runtime): void {
  validateCommand(program, runtime);
  deployCommand(program, runtime);
  importCommand(program, runtime);
  schemaCommand(program, runtime);
}

function validateCommand(program: Command, runtime: Runtime): void {
  declare(program, {
    usage: 'validate <file...>',
    summary: 'Reads workflow files and tells every mistake, with its place.',
    description: 'It needs no server. A single - reads standard input.',
    examples: ['tutti validate flows/*.yaml'],
  }).action(
    alone<CommonOptions>(runtime, async (context, files) => {
      const actions = catalogueOf(CONNECTORS);
      const read = files.map((file) => readWorkflowFile(context, file));
      const together = await besideEachOther(read);
      const noted = notesOn(read);
      const results = read.map((one) => {
        const { source, file } = one;
        const notes = noted.get(one) ?? [];
        return { file, ...validateSource(source, file, actions, together.get(one)), notes };
      });
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
    }),
  );
}

interface DeployOptions extends CommonOptions {
  readonly reason?: string;
}

function deployCommand(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'deploy <file...>',
    summary: 'Stores workflows and pools as new versions; what has not changed stays as it is.',
    examples: ['tutti deploy flows/certificate.yaml --reason "second approval"'],
  });
  withReason(command).action(
    connected<DeployOptions>(runtime, async (context, files) => {
      const { client, options } = context;
      const results: Deployed[] = [];
      // All files are read before the first is deployed: a wrong name leaves nothing half done.
      const read = files.map((one) => readWorkflowFile(context, one));
      const together = await besideEachOther(read);
      refuse(read.flatMap((file) => placed(file, together.get(file))));
      for (const file of inOrder(read)) {
        const reason = options.reason === undefined ? {} : { reason: options.reason };
        results.push(await client.deployWorkflow({ ...file, ...reason }));
      }
      const lines = results.map(
        ({ workflow, pool, version, changed }) =>
          `${workflow ?? `pool ${pool}`} version ${version} ${changed ? 'is deployed' : 'is there already'}.`,
      );
      context.print(results, lines);
      return EXIT.done;
    }),
  );
}

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

function importCommand(program: Command, runtime: Runtime): void {
  declare(program, {
    usage: 'import <format> <file>',
    summary: 'Prints a workflow made from a file of another format; wfformat is the one it knows.',
    description: 'Each task becomes a sleep of its recorded run time, or a no-op for 0.',
    examples: ['tutti import wfformat 1000genome.json --time-scale 0 > genome.yaml'],
  })
    .option('--time-scale <x>', 'Recorded run times are multiplied by this.', factor, 1)
    .action(
      alone<ImportOptions>(runtime, async (context, [format = '', file = '']) => {
        if (format !== 'wfformat') {
          const detail = `There is no import of ${JSON.stringify(format)}: it must be wfformat.`;
          throw new TuttiError('request.invalid', detail);
        }
        const { source } = readWorkflowFile(context, file);
        const { timeScale } = context.options;
        const { yaml, name, tasks, edges } = importWfFormat(parseJson(source, file), { timeScale });
        context.print({ workflow: yaml, name, tasks, edges }, [yaml.trimEnd()]);
        return EXIT.done;
      }),
    );
}

function schemaCommand(program: Command, runtime: Runtime): void {
  declare(program, {
    usage: 'schema',
    summary: 'Prints the JSON Schema of workflow files, for editors.',
    examples: ['tutti schema > tutti.schema.json'],
  }).action(
    alone<CommonOptions>(runtime, async (context) => {
      const schema = workflowJsonSchema();
      context.print(schema, [JSON.stringify(schema, null, 2)]);
      return EXIT.done;
    }),
  );
}
