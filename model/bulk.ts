/** The verbs that one command may apply to many runs. */

export const BULK_VERBS = ['hold', 'release', 'cancel', 'restart'] as const;
export type BulkVerb = (typeof BULK_VERBS)[number];
