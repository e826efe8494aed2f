/**
 * A small ERP: an HTTP service that keeps orders, refuses blocked customers, and answers the same
 * to the same Idempotency-Key. It stands in for a system that you have; what matters is how it can
 * be asked, and that it can fail.
 *
 *   node examples/certificate-of-completion/erp-server.js [--port 7780] [--lose-reply ORDER]
 *
 *   POST   /orders            201 a new order · 200 known by its key · 422 the customer is blocked
 *   GET    /orders?key=KEY    200 the order that was created under this key · 404
 *   DELETE /orders/NUMBER     200 withdrawn · 404
 *   GET    /book              every order, and how often it was asked for
 *
 * `--lose-reply ORDER` stores that order and then drops the connection, once: what a network does
 * on a bad day.
 */
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const BLOCKED = new Map([['C-1044', 'three invoices are overdue']]);
const FIRST_NUMBER = 4_500_000_001;
const BODY_MAX_BYTES = 64 * 1024;

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '7780' },
    'lose-reply': { type: 'string', multiple: true, default: [] },
  },
});
const repliesToLose = new Set(values['lose-reply']);
/** Orders by the key that they were created under. */
const book = new Map();

async function readJson(request) {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > BODY_MAX_BYTES) return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function createOrder(request) {
  const key = request.headers['idempotency-key'];
  const { orderId, customer, amount, currency } = (await readJson(request)) ?? {};
  if (typeof key !== 'string' || typeof orderId !== 'string' || typeof customer !== 'string') {
    return [400, { error: 'an Idempotency-Key, an orderId and a customer are needed' }];
  }
  const known = book.get(key);
  if (known !== undefined) {
    known.posts += 1;
    return [200, known.order];
  }
  const reason = BLOCKED.get(customer);
  if (reason !== undefined) return [422, { error: `customer ${customer} is blocked: ${reason}` }];
  const number = String(FIRST_NUMBER + book.size);
  const order = { number, orderId, customer, amount, currency, state: 'open' };
  book.set(key, { order, posts: 1, lookups: 0 });
  return [201, order];
}

function findOrder(key) {
  const known = book.get(key);
  if (known === undefined) return [404, { error: 'no order was created under this key' }];
  known.lookups += 1;
  return [200, known.order];
}

function withdrawOrder(number) {
  const known = [...book.values()].find(({ order }) => order.number === number);
  if (known === undefined) return [404, { error: `there is no order ${number}` }];
  known.order.state = 'withdrawn';
  return [200, known.order];
}

function showBook() {
  const entries = [...book].map(([key, { order, posts, lookups }]) => {
    return { key, ...order, posts, lookups };
  });
  return [200, { orders: entries }];
}

async function answer(request) {
  const { pathname, searchParams } = new URL(request.url, 'http://erp');
  const [, room, number] = pathname.split('/');
  switch (`${request.method} ${room}`) {
    case 'POST orders':
      return await createOrder(request);
    case 'GET orders':
      return findOrder(searchParams.get('key'));
    case 'DELETE orders':
      return withdrawOrder(number);
    case 'GET book':
      return showBook();
  }
  return [404, { error: `nothing answers ${request.method} ${pathname}` }];
}

async function reply(request, response) {
  const [status, body] = await answer(request);
  console.log(`${request.method} ${request.url} → ${status} ${JSON.stringify(body)}`);
  if (status === 201 && repliesToLose.delete(body.orderId)) {
    console.log(`order ${body.orderId} is stored; its reply is lost on purpose`);
    request.socket.destroy();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

const server = createServer((request, response) => {
  // A request that breaks off ends its connection, not the ERP.
  reply(request, response).catch(() => request.socket.destroy());
});
server.on('error', (error) => {
  console.error(`The ERP cannot listen on port ${values.port}: ${error.message}`);
  process.exitCode = 1;
});
server.listen(Number(values.port), '127.0.0.1', () => {
  console.log(`The ERP listens on http://127.0.0.1:${server.address().port}`);
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}
