/**
 * Reads `$INBOX/$ORDER_ID.json` and prints the order as JSON, with the checksum of its file.
 * Exit code 2 says that the order is wrong; each mistake is a line of the task's log.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const { INBOX = 'orders', ORDER_ID = '' } = process.env;

function readOrder(file) {
  try {
    const bytes = readFileSync(file);
    return { order: JSON.parse(bytes), sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch (error) {
    return { mistakes: [`${file} cannot be read: ${error.message}`] };
  }
}

const isText = (value) => typeof value === 'string' && value !== '';
const isAmount = (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0;
/** Money is added in cents: 3 × 119.83 is not 359.49 in binary fractions. */
const cents = (value) => Math.round(value * 100);

function mistakesOf(order) {
  if (typeof order !== 'object' || order === null) return ['the order must be an object'];
  const { orderId, customer, currency, lines, amount } = order;
  const isLine = (line) => isText(line?.item) && isAmount(line.quantity) && isAmount(line.price);
  const checks = [
    [orderId === ORDER_ID, `orderId must be ${ORDER_ID}, as the file is called`],
    [isText(customer?.id) && isText(customer?.name), 'customer needs an id and a name'],
    [/^[A-Z]{3}$/.test(currency), 'currency must be three letters, such as EUR'],
    [Array.isArray(lines) && lines.length > 0, 'lines must list what is ordered'],
    [Array.isArray(lines) && lines.every(isLine), 'each line needs item, quantity and price'],
    [isAmount(amount), 'amount must be a number'],
  ];
  const mistakes = checks.filter(([holds]) => !holds).map(([, sentence]) => sentence);
  if (mistakes.length > 0) return mistakes;
  const sum = lines.reduce((total, line) => total + line.quantity * cents(line.price), 0);
  return sum === cents(amount) ? [] : [`the lines add up to ${sum / 100}, not to ${amount}`];
}

const { order, sha256, mistakes = mistakesOf(order) } = readOrder(join(INBOX, `${ORDER_ID}.json`));
if (mistakes.length > 0) {
  for (const mistake of mistakes) console.error(mistake);
  process.exitCode = 2;
} else {
  const { orderId, customer, currency, lines, amount } = order;
  console.log(JSON.stringify({ orderId, customer, currency, lines: lines.length, amount, sha256 }));
}
