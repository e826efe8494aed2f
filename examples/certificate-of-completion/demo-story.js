/**
 * Tells a run while it happens: follows its events by long polls, and says for every task that
 * ends what it meant in its system.
 */
const PAINT = process.stdout.isTTY && !process.env.NO_COLOR;
const ink = (code) => (text) => (PAINT ? `\u001b[${code}m${text}\u001b[0m` : text);
export const [bold, dim, red, green, yellow] = [1, 90, 31, 32, 33].map(ink);

export const say = (text = '') => console.log(text);
/** A command that was typed for the reader. */
export const typed = (command) => say(`    ${dim('$')} ${bold(command)}`);

export function money(amount, currency) {
  const number = amount.toLocaleString('en-US', { minimumFractionDigits: 2 });
  return `${number} ${currency}`;
}

/** Columns as wide as their widest cell. */
export function table(rows) {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at]))
      .join('   ')
      .trimEnd(),
  );
}

/** What a task did, and where: by name, for those that ran. */
const MEANINGS = {
  validate: ({ output: { json } }) => [
    'inbox',
    `${json.lines} ${json.lines === 1 ? 'line, it adds' : 'lines, they add'} up to ${money(json.amount, json.currency)}`,
  ],
  ledger: ({ output }) => [
    'ledger',
    `${output.rowCount} entries posted, with a marker row: once and only once`,
  ],
  erp: ({ output, failure }) =>
    failure === undefined
      ? ['ERP', `order ${output.body.number} is ${output.body.state}`]
      : ['ERP', `refused: ${JSON.parse(failure.native.body).error}`],
  route: ({ branch }) => [
    'Tutti',
    branch === 0 ? 'above 10,000: a person decides' : 'up to 10,000: goes straight on',
  ],
  review: ({ output }) => [
    'order desk',
    `${output.decision} by ${output.by ?? output.actor ?? 'the order desk'}`,
  ],
  provision: ({ output: { json } }) => ['network', `${json.line} is ${json.state}`],
  certify: ({ output: { json } }) => ['share', `certificate sealed ${json.seal.slice(0, 12)}…`],
  withdraw: ({ output }) => ['ERP', `order ${output.body.number} is withdrawn`],
  reverse: ({ output }) => ['ledger', `${output.rowCount} entries reversed`],
  explain: ({ output: { json } }) => ['share', `exception report: ${json.because}`],
};

const SIGNS = {
  succeeded: green('✔'),
  warned: yellow('▲'),
  failed: red('✖'),
  'timed-out': red('✖'),
};

function tell(task) {
  const [system, words] = MEANINGS[task.task](task);
  const took = task.startedAt === undefined ? '' : dim(`  ${task.endedAt - task.startedAt} ms`);
  say(`  ${SIGNS[task.status]} ${task.task.padEnd(10)} ${dim(system.padEnd(11))} ${words}${took}`);
}

async function ask({ url, token }, path) {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(new URL(`/api/v1/${path}`, url), { headers });
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}`);
  return await response.json();
}

/**
 * Follows a run to its end and returns it. `onDecision` is called when it waits for a person; the
 * events of what that brings about are followed like all others.
 */
export async function follow(server, id, onDecision) {
  const told = new Set();
  let after = -1;
  for (;;) {
    const batch = await ask(server, `runs/${id}/events?after=${after}&wait=30s`);
    after = batch.next;
    const run = await ask(server, `runs/${id}`);
    for (const { type, task: name } of batch.events) {
      const task = run.taskViews.find((one) => one.task === name);
      const known = `${type} ${name}`;
      if (told.has(known)) continue;
      told.add(known);
      if (type === 'TaskEnded') tell(task);
      if (type === 'TaskStarted' && task.status === 'deciding') await onDecision(run, task);
    }
    const over = batch.status !== 'running' && batch.status !== 'held';
    if (over && !batch.more) return await finish(server, id);
  }
}

async function finish(server, id) {
  const run = await ask(server, `runs/${id}`);
  const skipped = run.taskViews.filter((task) => task.status === 'skipped');
  if (skipped.length > 0) say(dim(`  ↷ not needed: ${skipped.map(({ task }) => task).join(', ')}`));
  return run;
}
