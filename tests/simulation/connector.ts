/** The connector of the simulated systems, one for each life of a node: four forms of work. */
import { z } from 'zod';
import { type AnyConnector, defineAction, defineConnector } from '../../connectors/kit/index.ts';
import type { Life } from './machine.ts';
import type { ExternalSystems } from './external-systems.ts';

const input = z.object({}).loose();
const about = {
  description: 'For the simulator.',
  input,
  output: z.unknown(),
  examples: [],
  system: 'none',
} as const;

export function connectorOf(
  external: ExternalSystems,
  life: Life,
  concurrency: number,
): AnyConnector {
  return defineConnector({
    name: 'world',
    title: 'World',
    description: 'The simulated systems.',
    config: input,
    concurrency,
    verified: 'the simulator',
    actions: [
      defineAction({
        ...about,
        name: 'world.look',
        title: 'Twice does no harm',
        idempotent: true,
        does: { form: 'call', call: (context) => external.call(life, 'look', context) },
      }),
      defineAction({
        ...about,
        name: 'world.touch',
        title: 'Once, and it can be looked up',
        idempotent: false,
        does: {
          form: 'call',
          call: (context) => external.call(life, 'touch', context),
          locate: (context) => external.locate(life, context),
        },
      }),
      defineAction({
        ...about,
        name: 'world.shout',
        title: 'Once, and nobody can tell',
        idempotent: false,
        does: { form: 'call', call: (context) => external.call(life, 'shout', context) },
      }),
      defineAction({
        ...about,
        name: 'world.work',
        title: 'A job',
        idempotent: false,
        does: {
          form: 'job',
          submit: (context) => external.submit(life, context),
          locate: (context) => external.locateJob(life, context),
          follow: (context, job) => external.follow(life, context, job),
          cancel: (context, job, force) => external.cancel(life, context, job, force),
          cleanUp: (context) => external.release(life, context),
        },
      }),
    ],
  });
}
