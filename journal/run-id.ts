/** The id of a run, a UUID, as all answers of the port know it. */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Before every run. */
export const NIL_ID = '00000000-0000-0000-0000-000000000000';

/** Anything else is not the id of a run, and the database need not be asked for it. */
export function isRunId(text: string): boolean {
  return UUID.test(text);
}
