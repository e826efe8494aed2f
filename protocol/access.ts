/** Who is there, as it travels: the proof of a server, and the link by which a browser gets in. */
import { z } from 'zod';
import { routes } from './route.ts';
import { exact } from './schema.ts';

export interface Hello {
  readonly proof: string;
}
export const helloSchema = exact<Hello>('Hello', {
  proof: z.string().describe('HMAC-SHA-256 in hexadecimal digits'),
});
const helloQuerySchema = z.strictObject({ challenge: z.string().regex(/^[0-9a-f]{64}$/) });

export interface Link {
  readonly path: string;
  readonly expiresAt: number;
}
const linkSchema = exact<Link>('Link', {
  path: z.string().describe('Open it at the address of this server'),
  expiresAt: z.number().describe('Milliseconds since the epoch, UTC'),
});

/** Where the link leads: it stands in no document, since only the link knows the rest. */
export const ENTER_PATH = '/enter';

const tags = ['access'] as const;

export const ACCESS_ROUTES = routes({
  sayHello: {
    method: 'GET',
    url: '/hello',
    open: true,
    schema: {
      tags,
      summary: 'Prove that the server knows the token of its data folder',
      description:
        'The proof is HMAC-SHA-256 over the challenge and the address asked, with the token as key. ' +
        'Ask before you send the token to an address that you did not choose yourself.',
      querystring: helloQuerySchema,
      response: { 200: helloSchema },
    },
    refusals: [],
  },
  makeLink: {
    method: 'POST',
    url: '/links',
    schema: {
      tags,
      summary: 'Create a one-time link that signs a browser in',
      description: 'The session acts under the name of the person who created the link.',
      response: { 201: linkSchema },
    },
    refusals: [],
  },
});
