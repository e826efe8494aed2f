/**
 * Says which certificates are genuine: re-computes the chain of each file and compares it.
 *
 *   node examples/certificate-of-completion/verify.js FILE…
 *
 * Exit code 0: all are genuine · 1: at least one is not · 2: no file, or one that cannot be read.
 */
import { readFileSync } from 'node:fs';
import { flawOf } from './chain.js';

const files = process.argv.slice(2);

function verify(file) {
  let bytes;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    console.error(`✖ ${file} cannot be read: ${error.message}`);
    return 2;
  }
  const flaw = flawOf(bytes);
  if (flaw !== undefined) {
    console.log(`✖ not genuine  ${file}: ${flaw}`);
    return 1;
  }
  const { order, tasks, seal } = JSON.parse(bytes);
  console.log(`✔ genuine      ${file}: order ${order?.orderId}, ${tasks} tasks, seal ${seal}`);
  return 0;
}

if (files.length === 0) {
  console.error('Give the certificates to verify: node verify.js FILE…');
  process.exitCode = 2;
} else {
  process.exitCode = Math.max(...files.map(verify));
}
