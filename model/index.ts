/** The words of the house: everything that other rooms and other programs may use of the model. */
export type * from './action.ts';
export * from './definition.ts';
export * from './duration.ts';
export * from './errors.ts';
export * from './expression.ts';
export * from './inputs.ts';
export type * from './json.ts';
export * from './read.ts';
export * from './run.ts';
export * from './suggestion.ts';
export * from './wfformat.ts';
export { NAME, NAME_CHARACTERS, workflowJsonSchema } from './workflow.ts';
