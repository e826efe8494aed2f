/**
 * The life of a run in words, gathered: the commands that ask, the events that record, the statuses that
 * result, the views that people see. Commands are imperative, events past participle, in pairs.
 */
export type { By } from './by.ts';
export type * from './commands.ts';
export type * from './events.ts';
export { SKIP_REASONS } from './events.ts';
export type { Failure } from './failure.ts';
export type { ParentTask } from './family.ts';
export { GATE_KINDS, type Gate } from './gate.ts';
export type { Refusal } from './refusal.ts';
export * from './status.ts';
export type * from './views.ts';
