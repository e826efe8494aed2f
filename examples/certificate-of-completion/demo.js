/**
 * The demonstration: `npm run demo`.
 *
 * Starts an ERP and a Tutti with its own PostgreSQL, sends three orders through the value stream
 * (a small one, a large one, one that the ERP refuses), verifies the certificates, tampers with
 * one, and stops what it started. Every fact that it tells is also checked: the exit code is 0
 * only if everything happened as told.
 *
 *   node examples/certificate-of-completion/demo.js [--data DIR] [--share DIR]
 *
 * Tutti is used as its users use it: by its commands and its API. What it remembers stays in the
 * data folder, so a second demonstration goes on from there, and the runs can be looked at later.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { HERE, Processes, shown, Trouble } from './demo-processes.js';
import { bold, dim, follow, green, money, red, say, table, typed } from './demo-story.js';

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: join(HERE, '.tutti') },
    share: { type: 'string', default: join(HERE, 'share') },
  },
});
const DATA = resolve(values.data);
const SHARE = resolve(values.share);
const WORKFLOWS = ['certificate-of-completion', 'open-ledger', 'read-ledger'];
const SMALL = 'AB-240117';
const LARGE = 'AB-240118';
const REFUSED = 'AB-240119';

const processes = new Processes({ TUTTI_DATA: DATA });

function check(holds, sentence) {
  if (!holds) throw new Trouble(`It did not happen as told: ${sentence}`);
}

function here(file) {
  return join(HERE, file);
}

function orderOf(id) {
  return JSON.parse(readFileSync(here(`orders/${id}.json`)));
}

async function setUp() {
  say(bold('Systems'));
  const erp = await processes.startErp(['--lose-reply', LARGE]);
  say(`  ERP      ${erp}  ${dim('erp-server.js, an HTTP service of its own')}`);
  const { url, data } = await processes.startTutti(['--systems', here('systems.yaml')]);
  say(`  Tutti    ${url}  ${dim('tutti serve')}`);
  say(`  ledger   a database of the embedded PostgreSQL in ${shown(data)}`);
  say(`  share    ${shown(SHARE)}`);
  const files = WORKFLOWS.map((name) => here(`${name}.yaml`));
  await processes.tuttiOrTrouble('deploy', ...files);
  await processes.tuttiOrTrouble('run', 'open-ledger', '--json');
  // Who can read this file is an operator: the commands find it by themselves.
  const token = readFileSync(join(DATA, 'token'), 'utf8').trim();
  return { erp, server: { url, token } };
}

/** Starts a run as the order desk does, and follows it to its end. */
async function send(server, id, title, onDecision = unexpectedDecision) {
  const { customer, amount, currency } = orderOf(id);
  say();
  say(`${bold(title)}  ${id}, ${customer.name}, ${money(amount, currency)}`);
  const inputs = ['-i', `orderId=${id}`, '-i', `share=${SHARE}`];
  typed(`tutti run certificate-of-completion -i orderId=${id} --detach --actor shop`);
  const words = ['run', 'certificate-of-completion', ...inputs, '--detach', '--json'];
  const { run } = JSON.parse(await processes.tuttiOrTrouble(...words, '--actor', 'shop'));
  const ended = await follow(server, run, onDecision);
  const took = ended.endedAt - ended.createdAt;
  say(
    `  ${ended.status === 'succeeded' ? green('●') : red('●')} run ${ended.status}: ${ended.output?.result} ${dim(`after ${took} ms`)}`,
  );
  return ended;
}

async function unexpectedDecision(_run, { task }) {
  throw new Trouble(`It did not happen as told: ${task} asks a person`);
}

/** The run waits, durably, and says for whom; then the order desk decides. */
async function decide(run, { task }) {
  say(
    `  ${bold('?')} ${task.padEnd(10)} ${dim('order desk '.padEnd(11))} the run waits for a person`,
  );
  typed(`tutti why ${run.id} ${task}`);
  const why = await processes.tuttiOrTrouble('why', run.id, task);
  for (const line of why.trimEnd().split('\n')) say(`      ${line}`);
  check(why.includes('order-desk'), '`tutti why` names the order desk');
  const words = [
    'approve',
    run.id,
    task,
    '--actor',
    'order-desk',
    '--reason',
    'within their limit',
  ];
  typed(`tutti approve ${run.id} ${task} --actor order-desk --reason "within their limit"`);
  await processes.tuttiOrTrouble(...words);
}

function endsOf({ taskViews }) {
  return Object.fromEntries(taskViews.map(({ task, status }) => [task, status]));
}

function checkEnds(run, result, ends) {
  check(run.status === 'succeeded', `run ${run.id} succeeded`);
  check(run.output?.result === result, `run ${run.id} says: ${result}`);
  const found = endsOf(run);
  for (const [task, end] of Object.entries(ends)) {
    check(found[task] === end, `${task} of run ${run.id} is ${end}, not ${found[task]}`);
  }
}

async function sendOrders(server) {
  const small = await send(server, SMALL, 'A small order');
  checkEnds(small, 'certified', { review: 'skipped', provision: 'succeeded', explain: 'skipped' });

  const large = await send(server, LARGE, 'A large order', decide);
  checkEnds(large, 'certified', { review: 'succeeded', certify: 'succeeded', explain: 'skipped' });

  const refused = await send(server, REFUSED, 'An order that the ERP refuses');
  checkEnds(refused, 'not accepted', { erp: 'failed', reverse: 'succeeded', certify: 'skipped' });
  say(
    dim('    The run succeeded although a task failed: the workflow has an edge for that failure,'),
  );
  say(dim('    so it is handled. A failure that no edge takes would have failed the run.'));
  return { small, large, refused };
}

/** What the other systems say: the proof that nothing was done twice, or half. */
async function compareBooks(erp, { small, large, refused }) {
  say();
  say(bold('The books of the others'));
  const book = await (await fetch(new URL('/book', erp))).json();
  const of = ({ id }) => book.orders.filter(({ key }) => key.startsWith(`${id}:`));
  const counts = [small, large, refused].map((run) => of(run).length);
  check(counts.join() === '1,1,0', 'the ERP has one order of each run that it accepted');
  const [{ number, posts, lookups }] = of(large);
  check(posts === 1 && lookups === 1, `order ${number} was sent once and looked up once`);
  say(
    `  ERP      One order of each run. The reply to ${LARGE} was lost on purpose: Tutti asked by key, found`,
  );
  say(
    `           order ${number}, and did not send it again (sent ${posts}×, looked up ${lookups}×).`,
  );
  const balances = [];
  for (const run of [small, large, refused]) balances.push(await receivable(run));
  const [ofSmall, ofLargeRun, ofRefused] = balances;
  check(ofSmall === orderOf(SMALL).amount, `the ledger has ${SMALL} once`);
  check(ofLargeRun === orderOf(LARGE).amount, `the ledger has ${LARGE} once`);
  check(ofRefused === 0, `the ledger has ${REFUSED} reversed`);
  say(
    `  ledger   receivable: ${money(ofSmall, 'EUR')} and ${money(ofLargeRun, 'EUR')}; ${REFUSED} is reversed to 0.`,
  );
  return balances;
}

async function receivable({ id, inputs }) {
  const words = ['run', 'read-ledger', '-i', `orderId=${inputs.orderId}`, '--json'];
  const { output } = JSON.parse(await processes.tuttiOrTrouble(...words));
  const own = output.entries.filter(({ run, account }) => run === id && account.startsWith('1400'));
  return own.reduce((cents, { amount }) => cents + Math.round(Number(amount) * 100), 0) / 100;
}

async function verifyPapers({ small, large }) {
  say();
  say(bold('The certificates'));
  const files = [small, large].map((run) => run.output.paper);
  typed(`node ${shown(here('verify.js'))} ${files.map(shown).join(' ')}`);
  const verified = await processes.run(here('verify.js'), ...files);
  for (const line of verified.out.trimEnd().split('\n')) say(`    ${shortened(line)}`);
  check(verified.code === 0, 'both certificates are genuine');
  for (const [at, run] of [small, large].entries()) {
    const { seal } = JSON.parse(readFileSync(files[at]));
    check(seal === run.output.seal, `the seal of ${files[at]} is the one that Tutti remembers`);
  }
  await tamper(files[1]);
}

function shortened(line) {
  return line.replaceAll(`${SHARE}/`, '');
}

/** One changed character in a copy. */
async function tamper(file) {
  const copy = `${file}.tampered`;
  writeFileSync(copy, readFileSync(file, 'utf8').replace('"amount": 18400', '"amount": 18500'));
  try {
    const { code, out } = await processes.run(here('verify.js'), copy);
    say(`    ${shortened(out.trimEnd())}`);
    check(code === 1, 'a copy with one changed digit is not genuine');
  } finally {
    rmSync(copy);
  }
}

function summarize({ small, large, refused }, balances) {
  say();
  const rows = [small, large, refused].map((run, at) => [
    run.inputs.orderId,
    ['straight on', 'approved by order-desk', 'refused by the ERP'][at],
    run.output.result,
    balances[at].toFixed(2),
    shortened(run.output.paper),
    run.id,
  ]);
  const [head, ...lines] = table([
    ['ORDER', 'WAY', 'RESULT', 'RECEIVABLE', 'PAPER IN THE SHARE', 'RUN'],
    ...rows,
  ]);
  say(bold(head));
  for (const line of lines) say(line);
}

function whereNext({ small, refused }) {
  say();
  say(bold('Where to look next'));
  const data = shown(DATA);
  for (const [command, why] of [
    [`npx tutti runs --data ${data}`, 'all runs; no server is needed to look'],
    [`npx tutti show ${refused.id} --data ${data}`, 'one run with its tasks'],
    [`npx tutti logs ${small.id} --data ${data}`, 'what its scripts printed'],
    [`cat ${shown(refused.output.paper)}`, 'the exception report'],
    [`cat ${shown(here('certificate-of-completion.yaml'))}`, 'the value stream as a file'],
    [`cat ${shown(here('README.md'))}`, 'each step by hand'],
  ]) {
    say(`  ${command}`);
    say(dim(`      ${why}`));
  }
}

async function demonstrate() {
  const { erp, server } = await setUp();
  const runs = await sendOrders(server);
  const balances = await compareBooks(erp, runs);
  await verifyPapers(runs);
  summarize(runs, balances);
  return runs;
}

function interrupted() {
  return new Promise((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.once(signal, () => reject(new Trouble(`Stopped by ${signal}.`)));
    }
  });
}

async function main() {
  const startedAt = Date.now();
  let runs;
  let trouble;
  try {
    if (!existsSync(here('../../dist/cli/main.js'))) {
      throw new Trouble('Tutti is not built yet. Run `npm run demo`, which builds it first.');
    }
    runs = await Promise.race([demonstrate(), interrupted()]);
  } catch (error) {
    trouble = error;
  }
  const stoppedWell = await processes.stop();
  if (trouble !== undefined) {
    say();
    console.error(red(trouble instanceof Trouble ? trouble.message : trouble.stack));
    return 1;
  }
  check(stoppedWell, 'the ERP and Tutti stopped by themselves when they were asked to');
  say();
  say(
    `Everything happened as told, in ${((Date.now() - startedAt) / 1000).toFixed(1)} s. The ERP, Tutti and PostgreSQL are stopped.`,
  );
  whereNext(runs);
  return 0;
}

process.exitCode = await main();
