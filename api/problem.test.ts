import fastify from 'fastify';
import { expect, it, vi } from 'vitest';
import { TuttiError } from '../model/errors.ts';
import { answerProblem } from './problem.ts';

it.each([
  ['a refusal that is meant', new TuttiError('server.busy', 'It is.'), 503, 'warn'],
  ['a fault', new Error('a bug'), 500, 'error'],
] as const)('writes %s to the log at its level', async (_what, thrown, status, level) => {
  const app = fastify();
  const said = { warn: vi.fn<(words: object) => void>(), error: vi.fn<(words: object) => void>() };
  app.setErrorHandler((error, request, reply) => {
    Object.assign(request.log, said);
    answerProblem(error, request, reply);
  });
  app.get('/', () => {
    throw thrown;
  });
  expect((await app.inject('/')).statusCode).toBe(status);
  expect(said.warn).toHaveBeenCalledTimes(level === 'warn' ? 1 : 0);
  expect(said.error).toHaveBeenCalledTimes(level === 'error' ? 1 : 0);
  // Where it was thrown stands beside a fault only.
  expect('err' in (said[level].mock.calls[0]?.[0] ?? {})).toBe(level === 'error');
  await app.close();
});
