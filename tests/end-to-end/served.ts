/** A whole Tutti that answers on a port of loopback, as `tutti serve` puts it together. */
import { createApp, listen } from '../../api/server.ts';
import type { StreamLimits } from '../../api/stream/streams.ts';
import { machineIds } from '../../cli/machine.ts';
import { CONNECTORS } from '../../connectors/index.ts';
import { openHouse } from './house.ts';
import type { House } from './house.ts';

export interface Served {
  readonly house: House;
  readonly url: string;
  close(): Promise<void>;
}

export interface ServeOptions {
  readonly databaseUrl?: string;
  readonly nodeName?: string;
  readonly streams?: StreamLimits;
}

export async function serve(options: ServeOptions = {}): Promise<Served> {
  const house = await openHouse(CONNECTORS, options.databaseUrl, options.nodeName);
  const { journal, engine } = house;
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
      news: (hear) => {
        const endings = [engine.door.news(hear), journal.listen(hear)];
        return () => {
          for (const end of endings) end();
        };
      },
    },
    { version: '0.0.0', ...(options.streams === undefined ? {} : { streams: options.streams }) },
  );
  const server = await listen(app, '127.0.0.1', 0);
  return {
    house,
    url: server.url,
    close: async () => {
      await server.close();
      await house.close();
    },
  };
}
