/** Who asks: noted when a request has shown it, looked up by whoever must know. */
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../kernel/authority.ts';
import { isReservedActor } from '../model/actor.ts';
import { bug, TuttiError } from '../model/errors.ts';
import type { By } from '../model/run.ts';

const ACTOR_MAX_LENGTH = 200;
const callers = new WeakMap<FastifyRequest, Caller>();

export function introduce(request: FastifyRequest, caller: Caller): void {
  callers.set(request, caller);
}

/** For the log: a request that was refused at the gate has none. */
export function actorIfKnown(request: FastifyRequest): string | undefined {
  const caller = callers.get(request);
  if (caller === undefined || caller.kind === 'anyone') return undefined;
  return caller.kind === 'node' ? 'another node' : actorOf(request).actor;
}

export function callerOf(request: FastifyRequest): Caller {
  return callers.get(request) ?? bug('nobody asked who is there');
}

/** The header `X-Tutti-Actor`, percent-encoded because header values are ASCII. */
export function nameOf(request: FastifyRequest): string | undefined {
  const header = request.headers['x-tutti-actor'];
  const value = Array.isArray(header) ? header[0] : header;
  if (value === undefined || value.trim() === '') return undefined;
  const name = decoded(value).trim();
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (name.length > ACTOR_MAX_LENGTH || /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(name)) {
    throw new TuttiError(
      'request.invalid',
      `X-Tutti-Actor must be one line of at most ${ACTOR_MAX_LENGTH} characters.`,
    );
  }
  if (isReservedActor(name)) {
    throw new TuttiError(
      'request.invalid',
      `X-Tutti-Actor (--actor) is ${JSON.stringify(name)}: that name is kept for what Tutti does by itself. Name the person who acts.`,
    );
  }
  return name;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** Who acts, and how that is known. */
export function actorOf(request: FastifyRequest): Pick<By, 'actor' | 'through'> {
  const caller = callerOf(request);
  switch (caller.kind) {
    case 'operator':
      return { actor: caller.actor, ...(caller.proven && { through: 'token' as const }) };
    case 'session':
      return { actor: caller.actor, through: 'session' };
    case 'job':
      return { actor: `run ${caller.run}`, through: 'job' };
    case 'node':
    case 'anyone':
      return bug('only an operator, a session or a job acts');
  }
}
