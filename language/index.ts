/** Reading for other programs: workflow files and expressions, inputs, other systems' files. */
export * from './expression.ts';
export * from './inputs.ts';
export * from './read.ts';
export * from './wfformat.ts';
export { NAME, NAME_CHARACTERS, workflowJsonSchema } from './workflow.ts';
