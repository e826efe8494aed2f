// Prints the id of the newest run, once it has ended or waits for a person: what a reader of a page
// copies from the screen. Runs in the folder of the page, beside its shell.
import { readFileSync } from 'node:fs';

const headers = { authorization: `Bearer ${readFileSync('.tutti/token', 'utf8').trim()}` };
const ENDED = new Set(['succeeded', 'failed', 'timed-out', 'cancelled']);
const MOVING = new Set(['queued', 'running', 'retrying']);

async function ask(path) {
  const response = await fetch(`${process.env.PAGE_URL}/api/v1/${path}`, { headers });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${path}: ${answer.detail}`);
  return answer;
}

function isAtRest({ status, taskViews }) {
  if (ENDED.has(status)) return true;
  const states = taskViews.map((task) => task.status);
  return states.includes('deciding') && !states.some((state) => MOVING.has(state));
}

const [newest] = (await ask('runs?limit=1')).items;
if (newest === undefined) throw new Error('no run has been started yet');
let after = -1;
while (!isAtRest(await ask(`runs/${newest.id}`))) {
  const { events } = await ask(`runs/${newest.id}/events?after=${after}&wait=20s`);
  after = events.at(-1)?.seq ?? after;
}
console.log(newest.id);
