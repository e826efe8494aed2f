/**
 * The first example, as `npm run demo` runs it: what it tells is what happened, its certificates
 * are genuine and no changed byte escapes, and nothing that it started is left.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ROOT } from '../house/source.ts';
import { blocksOf } from '../pages/blocks.ts';
import { runSummarySchema, runViewSchema } from '../../protocol/runs.ts';

const EXAMPLE = fileURLToPath(
  new URL('../../examples/certificate-of-completion/', import.meta.url),
);
const TUTTI = fileURLToPath(new URL('../../cli/tutti.js', import.meta.url));
const OUTPUT_MAX_BYTES = 16 * 1024 * 1024;

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

let folder: string;
let demo: Ran;

function node(words: readonly string[], environment: Record<string, string> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const env = { ...process.env, ...environment };
    const options = { env, cwd: EXAMPLE, maxBuffer: OUTPUT_MAX_BYTES };
    const child = execFile(process.execPath, words, options, (_error, out, err) => {
      resolve({ code: child.exitCode ?? -1, out, err });
    });
  });
}

const data = () => join(folder, 'data');
const share = (...path: string[]) => join(folder, 'share', ...path);
const tutti = (...words: string[]) => node([TUTTI, ...words, '--data', data()]);
const verify = (files: readonly string[]) => node([join(EXAMPLE, 'verify.js'), ...files]);

function papers(kind: string): string[] {
  return readdirSync(share(kind))
    .map((name) => share(kind, name))
    .toSorted();
}

async function show(run: string) {
  const { out } = await tutti('show', run, '--json');
  return runViewSchema.parse(JSON.parse(out));
}

/** Without what differs from run to run: ids, times, how long something took and how columns are aligned. */
function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) =>
      line
        .trim()
        .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')
        .replaceAll(/ +/g, ' '),
    )
    .map((line) =>
      line.replaceAll(/\d+(?:\.\d+)? ?m?s\b/g, 'TIME').replaceAll(/\d{4}-.*UTC/g, 'WHEN'),
    );
}

/** `validate ledger erp! review-`: succeeded, failed, skipped. */
function endsOf({ taskViews }: Awaited<ReturnType<typeof show>>): string {
  const marks: Readonly<Record<string, string>> = { succeeded: '', failed: '!', skipped: '-' };
  return taskViews.map(({ task, status }) => task + (marks[status] ?? `?${status}`)).join(' ');
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-example-'));
  const words = [join(EXAMPLE, 'demo.js'), '--data', data(), '--share', share()];
  demo = await node(words, { NO_COLOR: '1' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the demonstration', () => {
  it('happens as told', () => {
    expect(demo).toMatchObject({ code: 0, err: '' });
    expect(demo.out).toMatch(/route +Tutti +up to 10,000/);
    expect(demo.out).toMatch(/route +Tutti +above 10,000/);
    expect(demo.out).toContain('waits for the decision of order-desk');
    expect(demo.out).toContain('refused: customer C-1044 is blocked');
    expect(demo.out).toContain('(sent 1×, looked up 1×)');
    expect(demo.out).toContain('Everything happened as told');
  });

  it('is quoted in README.md as it is', async () => {
    const quoted = blocksOf('README.md', readFileSync(join(ROOT, 'README.md'), 'utf8'));
    const { out } = await tutti('runs', '--workflow', 'certificate-of-completion', '--json');
    const large = z.array(runSummarySchema).parse(JSON.parse(out))[1]?.id ?? '';
    const shown = await tutti('show', large);
    const printed: Readonly<Record<string, string>> = { demo: demo.out, show: shown.out };
    const quotes = quoted.filter(({ marks: [mark = ''] }) => Object.hasOwn(printed, mark));
    expect(quotes.map(({ marks }) => marks.join(' '))).toEqual(['demo', 'show']);
    for (const { marks, text } of quotes) {
      const there = new Set(linesOf(printed[marks[0] ?? ''] ?? ''));
      expect(linesOf(text).filter((line) => !there.has(line))).toEqual([]);
    }
  });

  it('leaves three runs, each with the ends of its story', async () => {
    const { out } = await tutti('runs', '--workflow', 'certificate-of-completion', '--json');
    const runs = z.array(runSummarySchema).parse(JSON.parse(out));
    const views = await Promise.all(runs.map(({ id }) => show(id)));
    const stories = views.map((run) => [run.inputs['orderId'], run.status, endsOf(run)]);
    expect(stories.toReversed()).toEqual([
      [
        'AB-240117',
        'succeeded',
        'validate ledger erp route review- provision certify withdraw- reverse- explain-',
      ],
      [
        'AB-240118',
        'succeeded',
        'validate ledger erp route review provision certify withdraw- reverse- explain-',
      ],
      [
        'AB-240119',
        'succeeded',
        'validate ledger erp! route- review- provision- certify- withdraw- reverse explain',
      ],
    ]);
    const large = views[1]?.taskViews.find(({ task }) => task === 'review');
    expect(large?.output).toMatchObject({ decision: 'approved', by: 'order-desk' });
    expect(views[0]?.output).toMatchObject({ result: 'not accepted' });
  });

  it('leaves no process', () => {
    const files = readdirSync(data(), { recursive: true, encoding: 'utf8' });
    expect(files).toContain('node');
    expect(files.filter((file) => /^(server\.\w+|.*postmaster\.pid)$/.test(file))).toEqual([]);
  });

  it('explains what the ERP refused', () => {
    const [report = '', ...more] = papers('exceptions');
    expect(more).toEqual([]);
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({
      report: 'Order not accepted',
      order: { orderId: 'AB-240119', amount: 890 },
      because: [
        {
          task: 'erp',
          end: 'failed',
          message: 'customer C-1044 is blocked: three invoices are overdue',
          failure: { class: 'rejected', native: { status: 422 } },
        },
      ],
      undone: [{ task: 'reverse' }],
    });
  });
});

describe('a certificate', () => {
  it('is genuine, and its seal is the one in the journal', async () => {
    const files = papers('certificates');
    const { code, out } = await verify(files);
    expect(files.map((file) => basename(file).slice(0, 9))).toEqual(['AB-240117', 'AB-240118']);
    expect(code).toBe(0);
    expect(out.match(/✔ genuine/g)).toHaveLength(2);
    for (const file of files) {
      const certificate = z
        .object({ run: z.string(), seal: z.string(), tasks: z.number(), chain: z.array(z.any()) })
        .parse(JSON.parse(readFileSync(file, 'utf8')));
      expect(certificate.chain).toHaveLength(9);
      expect(certificate.tasks).toBe(9);
      const run = await show(certificate.run);
      expect(run.output).toMatchObject({
        result: 'certified',
        paper: file,
        seal: certificate.seal,
      });
    }
  });

  it('is not genuine with any one byte changed, cut or added', async () => {
    const bytes = readFileSync(papers('certificates')[0] ?? '');
    const altered = [...bytes.keys()].map((at) => {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    });
    altered.push(bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.from('\n')]), Buffer.alloc(0));
    mkdirSync(join(folder, 'altered'));
    const names = altered.map((copy, at) => {
      const name = join(folder, 'altered', String(at));
      writeFileSync(name, copy);
      return name;
    });
    const { code, out } = await verify(names);
    expect(code).toBe(1);
    expect(out.match(/✖ not genuine/g)).toHaveLength(names.length);
  });

  it('says so where there is none', async () => {
    expect(await verify([])).toMatchObject({ code: 2 });
    expect(await verify([join(folder, 'nowhere.json')])).toMatchObject({ code: 2 });
  });
});

/** The ERP, and where it listens. */
async function startErp() {
  const words = [join(EXAMPLE, 'erp-server.js'), '--port', '0'];
  const erp = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await saidBy(erp.stdout, /(http:\S+)\n/);
  return { erp, url };
}

/** What the pattern catches, as soon as the stream has said it. */
function saidBy(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    stream.on('data', (chunk) => {
      said += String(chunk);
      const found = pattern.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    stream.once('end', () => reject(new Error(`it ended and said only: ${said}`)));
  });
}

/** `tutti run` for as long as it follows: what it prints, and its exit code. */
function followLargeOrder(erpUrl: string) {
  const words = ['run', 'certificate-of-completion', '--data', data()];
  const inputs = ['-i', 'orderId=AB-240118', '-i', `share=${share()}`];
  const child = spawn(process.execPath, [TUTTI, ...words, ...inputs], {
    cwd: EXAMPLE,
    env: { ...process.env, ERP_URL: erpUrl },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended };
}

describe('a large order that the order desk rejects', () => {
  it('is withdrawn, reversed and explained', async () => {
    const { erp, url } = await startErp();
    const { child, ended } = followLargeOrder(url);
    try {
      const run = await saidBy(child.stdout, /tutti approve (\S+) review/);
      const reject = (actor: string) => tutti('reject', run, 'review', '--actor', actor);
      expect(await reject('shop')).toMatchObject({ code: 1 });
      expect(await reject('order-desk')).toMatchObject({ code: 0, err: '' });
      expect(await ended).toBe(0);
      const view = await show(run);
      expect(endsOf(view)).toBe(
        'validate ledger erp route review! provision- certify- withdraw reverse explain',
      );
      const book = z
        .object({ orders: z.array(z.object({ state: z.string() })) })
        .parse(await (await fetch(`${url}/book`)).json());
      expect(book.orders).toMatchObject([{ state: 'withdrawn' }]);
    } finally {
      child.kill();
      await ended;
      erp.kill();
    }
  });
});
