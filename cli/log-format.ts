/**
 * The log of a node on standard error. `json`: a line is an object, for programs that gather logs.
 * `text`: a line is a sentence with its fields behind it, for people who read along.
 */
import { pino } from 'pino';
import type { Redactor } from '../model/redactor.ts';

export type LogFormat = 'text' | 'json';
export type NodeLog = ReturnType<typeof logger>;

interface LoggerOptions {
  readonly level: string;
  readonly format: LogFormat;
  readonly redactor: Redactor | undefined;
}

/** Every line passes through the redactor as text: no serializer can forget a field. */
export function logger({ level, format, redactor }: LoggerOptions, write: (line: string) => void) {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const form = format === 'text' ? textOf : (line: string) => line;
  return pino(options, {
    write: (line: string) => {
      const text = form(line);
      write(redactor?.text(text) ?? text);
    },
  });
}

interface Line {
  readonly level: string;
  readonly time: string;
  readonly msg?: string;
  readonly err?: unknown;
  readonly [field: string]: unknown;
}

/** `2026-12-01 12:03:04.056Z info  Claimed 3 runs without a live owner. runs=3` */
function textOf(line: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Line;
  const head = `${time.replace('T', ' ')} ${level.padEnd(5)} ${msg ?? ''}`;
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${valueText(value)}`);
  return `${head}${rest.join('')}${errorText(err)}\n`;
}

function valueText(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) return value;
  return JSON.stringify(value);
}

/** The stack of an error, below the line: it begins with the error's message. */
function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { stack, message } = error as { stack?: string; message?: string };
  const text = stack ?? message ?? JSON.stringify(error);
  return `\n${text.replaceAll(/^/gm, '    ')}`;
}
