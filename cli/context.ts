/**
 * What every command has in common: its options, its connection, how its errors look and which
 * exit code they become. A command itself is a function from a context to an exit code.
 */
import { problem } from '../api/document.ts';
import { CATALOGUE, type ErrorCode, TuttiError } from '../model/errors.ts';
import type { ProblemDocument } from '../protocol/problem.ts';
import { ApiRefusal } from '../protocol/client/refusal.ts';
import type { Client } from './client.ts';
import type { ConnectOptions, Purpose } from './connection.ts';
import { INTERRUPTED_EXIT, type Lifetime } from './lifetime.ts';
import { EXIT, type CommandAction, type Runtime } from './runtime.ts';
import { isSystemRefusal, systemRefusal } from './system-refusal.ts';
import type { Terminal } from './terminal.ts';
import { problemLines } from './view/problems.ts';
import { Paint, harmless, printable } from './view/words.ts';

export interface CommonOptions extends ConnectOptions {
  readonly json?: boolean;
}

/** What a command works with that speaks to no server. */
export interface LocalContext<O> {
  readonly terminal: Terminal;
  readonly lifetime: Lifetime;
  readonly paint: Paint;
  readonly options: O;
  /** Files that were read, by the name that problems give them: for carets. */
  readonly sources: Map<string, string>;
  /** Prints the value with --json, else the lines. */
  print(value: unknown, lines: readonly string[]): void;
}
export interface CommandContext<O> extends LocalContext<O> {
  readonly client: Client;
  readonly inProcess: boolean;
}

type Work<C> = (context: C, operands: readonly string[]) => Promise<number>;

function localContext<O extends CommonOptions>(runtime: Runtime, options: O): LocalContext<O> {
  const { terminal, lifetime } = runtime;
  return {
    terminal,
    lifetime,
    options,
    paint: new Paint(terminal.color),
    sources: new Map(),
    print: (value, lines) => {
      if (options.json === true) terminal.out(`${JSON.stringify(value, null, 2)}\n`);
      else if (lines.length > 0) terminal.out(`${lines.map(printable).join('\n')}\n`);
    },
  };
}

/** The action of a command that needs no Tutti. */
export function alone<O extends CommonOptions>(work: Work<LocalContext<O>>): CommandAction {
  return async (runtime, command) => {
    const context = localContext(runtime, command.opts<O>());
    runtime.exitCode = await guarded(context, () => work(context, command.args));
  };
}

/** The action of a command that speaks to a Tutti, its own if there is no other. */
export function connected<O extends CommonOptions>(
  work: Work<CommandContext<O>>,
  purposeOf: (options: O) => Purpose = () => 'act',
): CommandAction {
  return async (runtime, command) => {
    const local = localContext(runtime, command.opts<O>());
    runtime.exitCode = await guarded(local, async () => {
      const { terminal, lifetime, options } = local;
      // Loaded late: a command that speaks to no server needs no client.
      const { connect } = await import('./connection.ts');
      const connection = await connect(options, terminal, lifetime, purposeOf(options));
      try {
        const { client, inProcess } = connection;
        return await work({ ...local, client, inProcess }, command.args);
      } finally {
        await connection.finish();
      }
    });
  };
}

async function guarded<O extends CommonOptions>(
  context: LocalContext<O>,
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (context.lifetime.signal.aborted) return INTERRUPTED_EXIT;
    const document = documentOf(error);
    if (context.options.json === true) context.print({ error: document }, []);
    else context.terminal.err(errorText(document, context));
    return exitCodeOf(document);
  }
}

function documentOf(error: unknown): ProblemDocument {
  if (error instanceof ApiRefusal) return error.problem;
  if (error instanceof TuttiError) {
    return problem(error.code, error.message, { problems: error.problems });
  }
  if (isSystemRefusal(error)) return problem('machine.refused', systemRefusal(error));
  return problem(
    'internal',
    error instanceof Error ? (error.stack ?? error.message) : String(error),
  );
}

/** Of the catalogue; a newer server may know more codes. */
function exitCodeOf({ code }: ProblemDocument): number {
  return code in CATALOGUE ? CATALOGUE[code as ErrorCode].exit : EXIT.failed;
}

function errorText(document: ProblemDocument, { paint, sources }: LocalContext<unknown>): string {
  const { expected, found, problems, next } = document;
  const lines = [
    `${paint.red('✖')} ${harmless(document.detail)}`,
    ...(expected === undefined ? [] : [`  expected: ${harmless(expected)}`]),
    ...(found === undefined ? [] : [`  found: ${harmless(found)}`]),
    ...problemLines(problems, sources),
    `  ${next}`,
  ];
  return `${printable(lines.join('\n'))}\n`;
}
