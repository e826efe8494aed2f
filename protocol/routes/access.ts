/** Who is there: how a server proves that it knows the token, and how a browser gets in. */
import { helloQuerySchema, helloSchema, linkSchema } from '../access.ts';
import { routes } from './route.ts';

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
      summary: 'Make a link by which a browser gets in, once and soon',
      description: 'The session acts under the name of whoever made the link.',
      response: { 201: linkSchema },
    },
    refusals: [],
  },
});
