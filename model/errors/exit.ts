/** The exit statuses of the command line: a script reads them, so a number never changes. */
export const EXIT = { done: 0, failed: 1, badInput: 2, inUse: 3, fenced: 4 } as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];
