import { describe, expect, it } from 'vitest';
import { Redactor } from '../model/redactor.ts';
import {
  bearerOf,
  jobMark,
  jobToken,
  nodeToken,
  proofOf,
  sessionOf,
  sessionToken,
} from './credentials.ts';
import { ACCESS } from './services.fake.ts';

const OTHER = { ...ACCESS, nodeKey: new Uint8Array(32).fill(8) };
const HERE = 'http://127.0.0.1:7700';
const bearer = (shown: string, address = HERE) => bearerOf(ACCESS, shown, address);

describe('what callers show', () => {
  it.each(['019a8c53-7d2e', 'with.points', 'a/b c%ü'])('is a job of run %j', (run) => {
    const token = jobToken(ACCESS, run);
    expect(bearer(token)).toEqual({ kind: 'job', run });
    // It goes through headers and environments.
    expect(token).toMatch(/^[\w.%~!*'()-]+$/);
  });

  it('is a node, at the address that it is for and at no other', () => {
    const token = nodeToken(ACCESS, 'west 1', HERE);
    expect(bearer(token)).toEqual({ kind: 'node', name: 'west 1' });
    expect(bearer(token, 'http://127.0.0.1:7701')).toBeNull();
    expect(bearerOf(ACCESS, nodeToken(ACCESS, 'w', ''), undefined)).toEqual({
      kind: 'node',
      name: 'w',
    });
  });

  it('is a session until it ends', () => {
    const token = sessionToken(ACCESS, 'Jürgen 100%', 1_000);
    expect(sessionOf(ACCESS, token, 999)).toEqual({ kind: 'session', actor: 'Jürgen 100%' });
    expect(sessionOf(ACCESS, token, 1_000)).toBeNull();
  });

  it('is nothing when a letter of it is another, or when it is of another server', () => {
    const [job, session] = [jobToken(ACCESS, 'r-1'), sessionToken(ACCESS, 'eve', 1_000)];
    for (let at = 0; at < job.length; at += 1) {
      const letter = job[at] === 'x' ? 'y' : 'x';
      expect(bearer(job.slice(0, at) + letter + job.slice(at + 1))).toBeNull();
    }
    expect(bearer(jobToken(OTHER, 'r-1'))).toBeNull();
    expect(bearer(session)).toBeNull();
    expect(sessionOf(ACCESS, job, 0)).toBeNull();
    expect(sessionOf(OTHER, session, 0)).toBeNull();
    for (const odd of [
      '',
      'job',
      'job..',
      'node..',
      'session',
      '%',
      'job.%.x',
      `${ACCESS.token} `,
    ]) {
      expect(bearer(odd)).toBeNull();
      expect(sessionOf(ACCESS, odd, 0)).toBeNull();
    }
  });

  it('of a job opens nothing any more when it stands in a log', () => {
    const [one, two] = [jobToken(ACCESS, 'r-1'), jobToken(ACCESS, 'r-2')];
    const redactor = new Redactor([jobMark(ACCESS)]);
    for (const token of [one, two]) {
      expect(redactor.text(`TUTTI_TOKEN=${token}\n`)).not.toContain(token);
      expect(bearer(redactor.text(token))).toBeNull();
    }
  });
});

it('proves for one challenge and one address', () => {
  const proof = proofOf('t', 'c', '127.0.0.1:1');
  expect(proof).toMatch(/^[0-9a-f]{64}$/);
  expect(
    new Set([
      proof,
      proofOf('t', 'd', '127.0.0.1:1'),
      proofOf('t', 'c', '127.0.0.1:2'),
      proofOf('u', 'c', '127.0.0.1:1'),
    ]).size,
  ).toBe(4);
});
