/** References to tasks and to the items of mapped tasks. */
import { describe, expect, it } from 'vitest';
import { itemReference, readItemReference, taskNameOf } from './task-reference.ts';

describe('a reference', () => {
  it.each([0, 3, 99_999])('to item %i is read as it was written', (position) => {
    const reference = itemReference('load', position);
    expect(readItemReference(reference)).toEqual({ name: 'load', position });
    expect(taskNameOf(reference)).toBe('load');
  });

  it.each(['load', 'load[]', 'load[01]', 'load[-1]', 'load[1] ', '[1]', 'load[1e3]', ''])(
    '%j names no item',
    (reference) => {
      expect(readItemReference(reference)).toBeUndefined();
      expect(taskNameOf(reference)).toBe(reference);
    },
  );
});
