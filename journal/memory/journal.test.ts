import { describe } from 'vitest';
import { conformance } from '../conformance.suite.ts';
import { MemoryJournal } from './journal.ts';

describe('a journal in memory', () => {
  conformance(async () => {
    const journal = new MemoryJournal(() => 1_900_000_000_000);
    return { journal, beside: async () => journal.beside() };
  });
});
