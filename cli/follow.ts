/**
 * Following a run to its end. On a screen a tree of tasks is redrawn in place; otherwise each
 * change is a line. Both live on the same long poll of events; the screen also looks at the whole
 * run from time to time, because what is running is not written down before it ends.
 */
import { RUN_IS_OVER, type RunView } from '../model/run.ts';
import { taskNameOf } from '../model/task-reference.ts';
import type { EventView } from '../protocol/events.ts';
import { type Client, wholeRun } from './client.ts';
import { Screen } from './screen.ts';
import type { Terminal } from './terminal.ts';
import { eventLine } from './view/events.ts';
import { approvals, runScreen } from './view/run.ts';
import { Paint, printable } from './view/words.ts';

const WAIT = '20s';
const FRAME_MS = 200;
/** A look may cost the server this share of its time at most: large runs are looked at less often. */
const LOOK_SHARE = 4;

interface FollowOptions {
  /** Say nothing on the way. */
  readonly quiet: boolean;
  readonly signal: AbortSignal;
}

/** The run when it has ended; null when the signal came first. */
export async function follow(
  client: Client,
  terminal: Terminal,
  run: string,
  options: FollowOptions,
): Promise<RunView | null> {
  const paint = new Paint(terminal.color);
  const watcher = options.quiet
    ? SILENT
    : terminal.live
      ? new LiveWatcher(client, terminal, run, paint)
      : new LineWatcher(client, terminal, run, paint);
  try {
    const ended = await readToTheEnd(client, run, watcher, options.signal);
    return ended ? await wholeRun(client, run) : null;
  } finally {
    await watcher.close();
  }
}

interface Watcher {
  saw(events: readonly EventView[]): Promise<void>;
  close(): Promise<void>;
}

const SILENT: Watcher = { saw: async () => undefined, close: async () => undefined };

async function readToTheEnd(
  client: Client,
  run: string,
  watcher: Watcher,
  signal: AbortSignal,
): Promise<boolean> {
  let after = -1;
  while (!signal.aborted) {
    try {
      const batch = await client.readEvents({ run, after, wait: WAIT }, { signal });
      after = batch.next;
      await watcher.saw(batch.events);
      if (RUN_IS_OVER.has(batch.status) && !batch.more) return true;
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }
  return false;
}

class LineWatcher implements Watcher {
  readonly #client: Client;
  readonly #terminal: Terminal;
  readonly #run: string;
  readonly #paint: Paint;
  readonly #told = new Set<string>();
  #asking: ReadonlySet<string> | undefined;

  constructor(client: Client, terminal: Terminal, run: string, paint: Paint) {
    this.#client = client;
    this.#terminal = terminal;
    this.#run = run;
    this.#paint = paint;
  }

  async saw(events: readonly EventView[]): Promise<void> {
    const lines = events
      .map((event) => eventLine(event, this.#paint))
      .filter((line) => line !== null);
    if (lines.length > 0) this.#terminal.out(`${lines.map(printable).join('\n')}\n`);
    if (await this.#beginsApproval(events)) await this.#tellApprovals();
  }

  /** A whole run is much to ask for at every start, so which tasks ask a person is asked once. */
  async #beginsApproval(events: readonly EventView[]): Promise<boolean> {
    // Another version may ask at other tasks.
    if (events.some((event) => event.type === 'RunRestarted')) this.#asking = undefined;
    const started = events.filter((event) => event.type === 'TaskStarted');
    if (started.length === 0) return false;
    this.#asking ??= askingTasks(await wholeRun(this.#client, this.#run));
    const asking = this.#asking;
    return started.some(({ task }) => asking.has(taskNameOf(task ?? '')));
  }

  async #tellApprovals(): Promise<void> {
    for (const line of approvals(await wholeRun(this.#client, this.#run))) {
      if (this.#told.has(line)) continue;
      this.#told.add(line);
      this.#terminal.out(`${printable(line.trim())}\n`);
    }
  }

  async close(): Promise<void> {
    return undefined;
  }
}

function askingTasks(run: RunView): ReadonlySet<string> {
  const asking = run.taskViews.filter(({ kind }) => kind === 'approve');
  return new Set(asking.map(({ task }) => taskNameOf(task)));
}

class LiveWatcher implements Watcher {
  readonly #client: Client;
  readonly #terminal: Terminal;
  readonly #run: string;
  readonly #paint: Paint;
  readonly #screen: Screen;
  #timer: NodeJS.Timeout | undefined;
  #drawing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(client: Client, terminal: Terminal, run: string, paint: Paint) {
    this.#client = client;
    this.#terminal = terminal;
    this.#run = run;
    this.#paint = paint;
    this.#screen = new Screen(terminal);
    this.#drawSoon(0);
  }

  /** The next frame shows it. */
  async saw(): Promise<void> {
    return undefined;
  }

  #drawSoon(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#drawing = this.#draw();
    }, ms);
  }

  async #draw(): Promise<void> {
    const before = this.#terminal.now();
    try {
      this.#show(await wholeRun(this.#client, this.#run));
    } catch {
      // The long poll beside this one tells what is wrong.
    }
    const tookMs = this.#terminal.now() - before;
    if (!this.#closed) this.#drawSoon(Math.max(FRAME_MS, tookMs * LOOK_SHARE));
  }

  #show(run: RunView): void {
    this.#screen.draw(runScreen(run, this.#paint, this.#terminal.now()).map(printable));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#drawing;
    clearTimeout(this.#timer);
    await wholeRun(this.#client, this.#run).then(
      (run) => this.#show(run),
      () => undefined,
    );
    this.#screen.end();
  }
}
