/**
 * Loaded into a server process before its own code (`node --import`): measures how much processor
 * time the loop's thread spends in one go, without letting anything else in.
 *
 *   the loop   counts its turns
 *   a thread   reads the counter and the processor time of the loop's thread every few milliseconds;
 *              while the counter stands still and the time grows, that is one section
 *
 * Processor time and not the clock: on a busy machine a thread waits for a core, which is nobody's
 * mistake. Linux says it in `/proc`. The longest sections are written to the file that
 * `TUTTI_METER` names, with the functions that were on the stack, while they are still going on.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import inspector from 'node:inspector';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

/** How often the thread looks: also how exact a section is measured. */
const LOOK_MS = 5;
/** From here on a section's functions are asked for. */
const LONG_MS = 100;
const KEPT = 5;
const FRAMES = 12;

export interface Section {
  readonly cpuMs: number;
  readonly stack: readonly string[];
}

interface Given {
  readonly turns: SharedArrayBuffer;
  readonly file: string;
  readonly pid: number;
}

function measure(file: string): void {
  const turns = new Int32Array(new SharedArrayBuffer(4));
  setInterval(() => Atomics.add(turns, 0, 1), LOOK_MS).unref();
  const given: Given = { turns: turns.buffer, file, pid: process.pid };
  new Worker(new URL(import.meta.url), { workerData: given }).unref();
}

function watch({ turns: buffer, file, pid }: Given): void {
  const turns = new Int32Array(buffer);
  const longest: Section[] = [];
  let seen = -1;
  let beganMs = 0;
  let stack: readonly string[] | undefined;
  setInterval(() => {
    const cpuMs = cpuOf(pid);
    const now = Atomics.load(turns, 0);
    const tookMs = cpuMs - beganMs;
    if (now === seen) {
      if (tookMs > LONG_MS && stack === undefined) {
        stack = [];
        lookAtStack((frames) => (stack = frames));
      }
      return;
    }
    if (tookMs > LONG_MS && seen >= 0) keep(file, longest, { cpuMs: tookMs, stack: stack ?? [] });
    seen = now;
    beganMs = cpuMs;
    stack = undefined;
  }, LOOK_MS);
}

/** Of the loop's thread, whose id is the process's. */
function cpuOf(pid: number): number {
  const [ns = '0'] = readFileSync(`/proc/self/task/${pid}/schedstat`, 'utf8').split(' ');
  return Number(ns) / 1e6;
}

/** Who takes the file away wants to know what comes from then on. */
function keep(file: string, longest: Section[], section: Section): void {
  if (!existsSync(file)) longest.length = 0;
  longest.push(section);
  longest.sort((a, b) => b.cpuMs - a.cpuMs);
  longest.length = Math.min(longest.length, KEPT);
  writeFileSync(file, JSON.stringify(longest));
}

/** The loop's thread is stopped for a moment by the debugger's own means, wherever it is. */
function lookAtStack(found: (frames: readonly string[]) => void): void {
  const session = new inspector.Session();
  session.connectToMainThread();
  session.on('Debugger.paused', ({ params }) => {
    found(
      params.callFrames
        .slice(0, FRAMES)
        .map(
          ({ functionName, location, url }) => `${functionName} ${url}:${location.lineNumber + 1}`,
        ),
    );
    session.post('Debugger.resume', () => session.disconnect());
  });
  session.post('Debugger.enable', () => session.post('Debugger.pause'));
}

const target = process.env['TUTTI_METER'];
if (!isMainThread && (workerData as Partial<Given> | null)?.turns instanceof SharedArrayBuffer)
  watch(workerData as Given);
else if (isMainThread && target !== undefined && process.argv[2] === 'serve') measure(target);
