/** A file as it is sent: its text, its name for messages, the folder that its relative paths start from. */
import { z } from 'zod';
import { line } from '../model/bounds.ts';

const SOURCE_MAX_LENGTH = 31 * 1024 * 1024;
export const EXAMPLE_FILE =
  'workflow: hello\ntasks:\n  greet: { action: shell.run, with: { script: echo Hello } }\n';

export const source = z
  .string()
  .min(1)
  .max(SOURCE_MAX_LENGTH)
  .describe('The workflow file, YAML or JSON');
export const file = line(1000).describe('Its name, for messages');
export const directory = line(4000).describe(
  'Absolute folder that relative paths of the workflow start from',
);
