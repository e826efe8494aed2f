/**
 * Files on the machine of this node and on what is mounted there. Every action may be repeated;
 * `placement.ts` says how. The work is done in a process of its own (`process.ts`).
 */
import path from 'node:path';
import { z } from 'zod';
import { beside } from '../../model/beside.ts';
import {
  type ActionContext,
  ActionFailure,
  boundedOutput,
  defineAction,
  defineConnector,
  durationMs,
  durationText,
  textValue,
} from '../kit/index.ts';
import { ALGORITHMS, failureOf, readContent, statFile } from './content.ts';
import { copy, missing, move, OVERWRITES, type Placed, write } from './placement.ts';
import { type AnyAction, Helper, outside, serve } from './process.ts';
import { waitForFiles } from './waiting.ts';

const filePath = z
  .string()
  .min(1)
  .regex(/^[^\0]*$/, 'must not hold NUL characters')
  .describe("A path; relative ones start at the workflow file's folder");
const overwrite = z
  .enum(OVERWRITES)
  .default('fail')
  .describe('When another file is there. The same content always counts as done');
const placed = z.strictObject({
  path: z.string(),
  sizeBytes: z.int(),
  sha256: z.string(),
  result: z
    .enum(['done', 'already', 'skipped'])
    .describe('already: it was as it should be; skipped: another file is there and stays'),
});

/** What the file system refuses becomes a failure with its class and a sentence. */
async function told(file: string, placing: Promise<Placed>): Promise<z.output<typeof placed>> {
  try {
    const { path: at, sizeBytes, checksum, result } = await placing;
    return { path: at, sizeBytes, sha256: checksum, result };
  } catch (error) {
    throw failureOf(error, file);
  }
}

function absolute(context: ActionContext, file: string): string {
  return path.resolve(context.directory, file);
}

const way = z.strictObject({ from: filePath, to: filePath, overwrite });

function wayOf(context: ActionContext, given: z.output<typeof way>) {
  const { from, to } = given;
  return { ...given, from: absolute(context, from), to: absolute(context, to) };
}

const copyAction = defineAction({
  name: 'file.copy',
  title: 'Copy a file',
  description:
    'Copies a file; the copy is checked by size and SHA-256 before it appears. Where `to` is a link, the file behind it is written; a file that is replaced keeps its mode and its owner.',
  system: 'none',
  input: way,
  output: placed,
  idempotent: true,
  examples: [
    { title: 'To a share', with: { from: 'out/report.csv', to: '/mnt/share/report.csv' } },
  ],
  does: {
    form: 'call',
    call: async (context, given) => {
      const between = wayOf(context, given);
      return await told(between.to, copy(context, between));
    },
  },
});

const moveAction = defineAction({
  name: 'file.move',
  title: 'Move a file',
  description:
    'Moves a file; to another file system as a checked copy and a removal. Where `to` is a link, the file behind it is written; a file that is replaced keeps its mode and its owner. A link is not moved.',
  system: 'none',
  input: way,
  output: placed,
  idempotent: true,
  examples: [
    {
      title: 'Archive',
      with: { from: 'in/order.json', to: 'done/order.json', overwrite: 'replace' },
    },
  ],
  does: {
    form: 'call',
    call: async (context, given) => {
      const between = wayOf(context, given);
      return await told(between.to, move(context, between));
    },
  },
});

const checksumAction = defineAction({
  name: 'file.checksum',
  title: 'Compute a checksum',
  description:
    'Reads a file and gives its size and checksum; fails when it is not the expected one.',
  system: 'none',
  input: z.strictObject({
    path: filePath,
    algorithm: z.enum(ALGORITHMS).default('sha256'),
    expect: z
      .string()
      .regex(/^[0-9a-fA-F]{32,128}$/, 'must be a checksum in hexadecimal digits')
      .optional(),
  }),
  output: z.strictObject({
    path: z.string(),
    sizeBytes: z.int(),
    algorithm: z.enum(ALGORITHMS),
    checksum: z.string(),
  }),
  idempotent: true,
  examples: [{ title: 'SHA-256', with: { path: 'in/order.json' } }],
  does: {
    form: 'call',
    call: async (context, { path: given, algorithm, expect }) => {
      const file = absolute(context, given);
      if ((await statFile(file)) === undefined) throw missing(file);
      const content = await readContent(file, algorithm, context.signal);
      if (expect !== undefined && expect.toLowerCase() !== content.checksum) {
        const message = `${file} has the ${algorithm} checksum ${content.checksum}, not the expected one`;
        throw new ActionFailure({ class: 'failed', code: 'file.checksum', message });
      }
      return { path: file, algorithm, ...content };
    },
  },
});

const waitAction = defineAction({
  name: 'file.wait',
  title: 'Wait for files',
  description:
    'Waits until files are there and their size and time stay the same for a while. It takes no place of those that work. What can never become a file, or may not be looked at, fails at once; only folders that `*` or `**` finds are passed over.',
  waits: true,
  system: 'none',
  input: z.strictObject({
    path: filePath.describe('A path, or a pattern with *, ? and **'),
    count: z.int().min(1).max(1000).default(1).describe('Files that must be there at least'),
    stable: durationText.default('2s').describe('How long they must not change'),
    timeout: durationText.optional().describe('Fails as timeout; the task can have a timeout too'),
  }),
  output: z.strictObject({
    count: z.int(),
    files: z.array(z.strictObject({ path: z.string(), sizeBytes: z.int(), changedAt: z.string() })),
  }),
  idempotent: true,
  examples: [{ title: 'A delivery', with: { path: '/mnt/drop/orders-*.csv', timeout: '2h' } }],
  does: {
    form: 'call',
    call: async (
      { signal, ...context }: ActionContext,
      { path: given, count, stable, timeout },
    ) => {
      const files = await waitForFiles({
        target: path.resolve(context.directory, given),
        count,
        stableMs: durationMs(stable),
        timeoutMs: timeout === undefined ? undefined : durationMs(timeout),
        signal,
      });
      return boundedOutput('the list of files', { count: files.length, files: [...files] });
    },
  },
});

const writeAction = defineAction({
  name: 'file.write',
  title: 'Write a file',
  description:
    'Writes text or JSON; the file appears at once and whole. Where `path` is a link, the file behind it is written; a file that is replaced keeps its mode and its owner.',
  system: 'none',
  input: z
    .strictObject({
      path: filePath,
      text: textValue.optional().describe('The content, or instead:'),
      json: z.json().optional().describe('Written as indented JSON with a line end'),
      mode: z
        .string()
        .regex(/^0?[0-7]{3}$/, 'must be three octal digits such as "640"')
        .optional()
        .describe('Permissions, in quotes: "640"'),
      overwrite,
    })
    .refine((given) => (given.text === undefined) !== (given.json === undefined), {
      message: 'needs either `text` or `json`',
    }),
  output: placed,
  idempotent: true,
  examples: [
    {
      title: 'A certificate',
      with: { path: 'out/certificate.json', json: { order: 'AB-123456' } },
    },
  ],
  does: {
    form: 'call',
    call: async (context, given) => {
      const { text = `${JSON.stringify(given.json, undefined, 2)}\n`, mode } = given;
      const to = absolute(context, given.path);
      const octal = mode === undefined ? undefined : Number.parseInt(mode, 8);
      const writing = { to, text, mode: octal, overwrite: given.overwrite };
      return await told(to, write(context, writing));
    },
  },
});

/** As they are carried out, in the process that does it. */
export const ACTIONS: readonly AnyAction[] = [
  copyAction,
  moveAction,
  checksumAction,
  waitAction,
  writeAction,
];

/** Run by the process that works for this one. */
export function serveFiles(): void {
  serve(ACTIONS);
}

const program = beside(import.meta.url, 'serveFiles');
const working = new Helper(program);
/** Waits for what never comes keep none of those who work. */
const waiting = new Helper(program);

export const file = defineConnector({
  name: 'file',
  title: 'Files',
  description: 'Files on the machine of the node and on what is mounted there.',
  config: z.strictObject({}),
  concurrency: 64,
  actions: [
    outside(copyAction, working),
    outside(moveAction, working),
    outside(checksumAction, working),
    outside(waitAction, waiting),
    outside(writeAction, working),
  ],
  verified: 'real files on Linux',
});
