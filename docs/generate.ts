/** Writes `docs/reference/`: run it with `npm run docs` after a schema has changed. */
import { writeFileSync } from 'node:fs';
import { referencePages } from './pages/index.ts';

for (const [name, text] of await referencePages()) {
  writeFileSync(new URL(`./reference/${name}`, import.meta.url), text);
  console.log(`docs/reference/${name}`);
}
