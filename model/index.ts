/** The words of Tutti: everything that other folders and other programs may use of the model. */
export type * from './action.ts';
export * from './definition.ts';
export * from './duration.ts';
export * from './errors.ts';
export type * from './json.ts';
export * from './problem.ts';
export * from './run.ts';
export * from './suggestion.ts';
