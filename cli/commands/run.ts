/**
 * `tutti run`: deploys the file if it is one, starts a run, and follows it to its end.
 *
 * Exit codes: 0 succeeded · 1 failed, cancelled or timed out · 2 bad input · 130 Ctrl-C: the
 * following stops; the run itself continues where it is served, else at the next start.
 */
import { TuttiError } from '../../model/errors.ts';
import type { InputDeclaration } from '../../model/definition.ts';
import { parseInputText } from '../../language/inputs.ts';
import type { Json, JsonObject } from '../../model/json.ts';
import { follow } from '../follow.ts';
import { INTERRUPTED_EXIT } from '../lifetime.ts';
import { connected, type CommonOptions, type CommandContext } from '../context.ts';
import { EXIT } from '../runtime.ts';
import { endSentence } from '../view/run.ts';
import { looksLikeFile, readInputsFile, readWorkflowFile } from './files.ts';
import { pairOf } from './values.ts';

interface RunOptions extends CommonOptions {
  readonly input?: readonly string[];
  readonly inputs?: string;
  readonly version?: number;
  readonly key?: string;
  readonly businessDate?: string;
  readonly reason?: string;
  readonly detach?: boolean;
}

export const run = connected<RunOptions>(async (context, [target = '']) => {
  const id = await start(context, target);
  if (context.options.detach === true) return detached(context, id);
  const { client, terminal, lifetime, options } = context;
  const quiet = options.json === true;
  if (!quiet) terminal.err(`Run ${id}\n`);
  const ended = await follow(client, terminal, id, { quiet, signal: lifetime.signal });
  if (ended === null) return interrupted(context, id);
  context.print(ended, [endSentence(ended)]);
  return ended.status === 'succeeded' ? EXIT.done : EXIT.failed;
});

async function start(context: CommandContext<RunOptions>, target: string): Promise<string> {
  const { client, options } = context;
  const { workflow, version } = await locate(context, target);
  const inputs = await inputsOf(context, workflow, version);
  const started = await client.startRun({
    workflow,
    inputs,
    ...(version === undefined ? {} : { version }),
    ...(options.key === undefined ? {} : { key: options.key }),
    ...(options.businessDate === undefined ? {} : { businessDate: options.businessDate }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  });
  return started.run;
}

interface Target {
  readonly workflow: string;
  readonly version?: number | undefined;
}

async function locate(context: CommandContext<RunOptions>, target: string): Promise<Target> {
  const { client, terminal, options } = context;
  if (!looksLikeFile(target, terminal.workingDirectory)) {
    return { workflow: target, version: options.version };
  }
  if (options.version !== undefined) {
    throw new TuttiError(
      'request.invalid',
      '--version needs the name of a workflow; a file is always deployed as the newest version.',
    );
  }
  const { workflow, pool, version } = await client.deployWorkflow(
    readWorkflowFile(context, target),
  );
  if (workflow !== undefined) return { workflow, version };
  throw new TuttiError('request.invalid', `${target} holds the pool "${pool}", not a workflow.`);
}

/** Values on the command line are text: what they mean is what the workflow declares. */
async function inputsOf(
  context: CommandContext<RunOptions>,
  workflow: string,
  version: number | undefined,
): Promise<JsonObject> {
  const { client, options } = context;
  const given = options.inputs === undefined ? {} : readInputsFile(context, options.inputs);
  if (options.input === undefined) return given;
  const { definition } = await (version === undefined
    ? client.getWorkflow({ name: workflow })
    : client.getVersion({ name: workflow, version }));
  const pairs = options.input.map((text) => {
    const [name, value] = pairOf(text, '--input');
    const declared = Object.hasOwn(definition.inputs, name) ? definition.inputs[name] : undefined;
    return [name, inputValue(name, value, declared)] as const;
  });
  return { ...given, ...Object.fromEntries(pairs) };
}

export function inputValue(
  name: string,
  text: string,
  declared: InputDeclaration | undefined,
): Json {
  const { value, message } = parseInputText(declared, text);
  if (message === undefined) return value;
  throw new TuttiError('inputs.invalid', `Input ${name} ${message}.`);
}

function detached(context: CommandContext<RunOptions>, id: string): number {
  context.print({ run: id }, [id]);
  if (context.inProcess) {
    context.terminal.err(
      'No server serves this data folder, so this command does the work before it leaves. ' +
        'Start `tutti serve` to have it done in the background.\n',
    );
  }
  return EXIT.done;
}

function interrupted(context: CommandContext<RunOptions>, id: string): number {
  const { terminal, inProcess, options } = context;
  if (options.json === true) context.print({ run: id, interrupted: true }, []);
  terminal.err(
    inProcess
      ? `Stopping. Run ${id} is saved and resumes when Tutti is next started with this data folder.\n`
      : `Run ${id} continues. Show it with: tutti show ${id}\n`,
  );
  return INTERRUPTED_EXIT;
}
