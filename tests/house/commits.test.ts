import { describe, expect, it } from 'vitest';
import { subjectFault } from './commits.ts';

describe('subjects of commits', () => {
  it.each([
    'engine: the door split by idea',
    'engine: splitting the door',
    'Engine: split the door',
    'split the door',
    'engine, api: a new door',
    'wip',
  ])('refuses "%s"', (subject) => {
    expect(subjectFault(subject)).toBeDefined();
  });

  it.each([
    'engine: split the door by idea',
    'engine/runs: pass all commands through one gate',
    'journal, watch, connectors: name the subject in comments',
  ])('lets pass "%s"', (subject) => {
    expect(subjectFault(subject)).toBeUndefined();
  });
});
