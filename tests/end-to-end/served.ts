/** A whole Tutti that answers on a port of loopback, as `tutti serve` puts it together. */
import { OPEN } from '../../api/services.fake.ts';
import type { Access } from '../../api/credentials.ts';
import { createApp, listen } from '../../api/server.ts';
import type { StreamLimits } from '../../api/stream/streams.ts';
import { machineIds } from '../../cli/machine.ts';
import { openTutti, type LocalTutti } from './local-tutti.ts';

export interface Served {
  readonly tutti: LocalTutti;
  readonly url: string;
  close(): Promise<void>;
}

export interface ServeOptions {
  readonly databaseUrl?: string;
  readonly nodeName?: string;
  readonly streams?: StreamLimits;
  /** Else nobody is asked who they are. */
  readonly access?: Access;
}

export async function serve(options: ServeOptions = {}): Promise<Served> {
  const tutti = await openTutti(undefined, options.databaseUrl, options.nodeName);
  const { journal, engine } = tutti;
  const app = await createApp(
    {
      door: engine.door,
      views: journal.views,
      versions: journal,
      requests: journal.requests,
      bulks: journal.bulks,
      retentions: journal.retentions,
      newId: () => machineIds.run(),
      validate: () => Promise.resolve({ valid: true, workflow: null, problems: [] }),
      actions: [],
      systems: [],
      stalls: async () => [],
      onCommit: (committed) => {
        const endings = [engine.door.news.onCommit(committed), journal.listen(committed)];
        return () => {
          for (const end of endings) end();
        };
      },
    },
    {
      access: options.access ?? OPEN,
      version: '0.0.0',
      ...(options.streams === undefined ? {} : { streams: options.streams }),
    },
  );
  const server = await listen(app, '127.0.0.1', 0);
  return {
    tutti,
    url: server.url,
    close: async () => {
      await server.close();
      await tutti.close();
    },
  };
}
