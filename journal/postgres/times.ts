/** Times in SQL: the journal's port speaks milliseconds since the epoch, its tables `timestamptz`. */

/** Infinity stays what it is. */
export function ms(column: string): string {
  return `round(date_part('epoch', ${column}) * 1000)`;
}

/** For cursors: as exact as the row has it. A rounded one would meet its own row again, or pass others over. */
export function exactMs(column: string): string {
  return `date_part('epoch', ${column}) * 1000`;
}
