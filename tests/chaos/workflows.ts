/**
 * What runs during the experiment. Names of tasks say what they do, for the audit: `script…` is a
 * shell task, `post…` a request, `book…` a statement, each with one side effect per attempt.
 *
 * `inputs` decide how long scripts take, so that some attempts outlive several kills.
 */
import type { JsonObject } from '../../model/json.ts';
import type { Chance } from './chance.ts';

/**
 * One line with the key to the file of side effects, then the log. Half of it, a pause, the rest:
 * kills fall into the middle of logs. FAIL_UNTIL makes the first attempts fail.
 */
const SCRIPT = [
  'printf "%s\\n" "$TUTTI_KEY" >>"$EFFECTS"',
  'i=1',
  'while [ $i -le "$LINES" ]; do',
  '  echo "$TUTTI_KEY out $i of $LINES"',
  '  [ $((i % 5)) -ne 0 ] || echo "$TUTTI_KEY err $i of $LINES" >&2',
  '  [ $((i * 2)) -ne "$LINES" ] || sleep "$PAUSE"',
  '  i=$((i + 1))',
  'done',
  '[ "$TUTTI_ATTEMPT" -gt "$FAIL_UNTIL" ] || exit 75',
].join('\n');

/** What a script prints, stream by stream. */
export function logOf(key: string, lines: number): { readonly out: string; readonly err: string } {
  const all = Array.from({ length: lines }, (_, at) => at + 1);
  const text = (stream: string, numbers: number[]): string =>
    numbers.map((number) => `${key} ${stream} ${number} of ${lines}\n`).join('');
  return {
    out: text('out', all),
    err: text(
      'err',
      all.filter((number) => number % 5 === 0),
    ),
  };
}

interface Modifiers {
  readonly needs?: readonly string[] | Readonly<Record<string, string>>;
  readonly each?: readonly number[];
  readonly parallel?: number;
  readonly timeout?: string;
  readonly pool?: string;
}

const PAUSE = '${{ inputs.pause }}';

function script(modifiers: Modifiers, pause = PAUSE, failUntil = '0'): JsonObject {
  const env = {
    EFFECTS: '${{ inputs.file }}',
    LINES: '${{ string(inputs.lines) }}',
    PAUSE: pause,
    FAIL_UNTIL: failUntil,
  };
  return {
    ...modifiers,
    action: 'shell.run',
    with: { script: SCRIPT, env, 'exit-codes': { transient: [75] } },
    retry: { attempts: 4, delay: '20ms', backoff: 1, on: ['transient'] },
  };
}

function post(modifiers: Modifiers): JsonObject {
  return {
    ...modifiers,
    action: 'http.request',
    system: 'effects',
    with: {
      method: 'POST',
      url: 'effects',
      // The audit asks of each attempt by itself whether it took effect.
      headers: { 'Idempotency-Key': '${{ attempt.key }}' },
      body: { from: '${{ run.id }}' },
      locate: { url: 'effects?key={key}' },
    },
    retry: { attempts: 8, delay: '20ms', on: ['transient'] },
  };
}

function book(modifiers: Modifiers): JsonObject {
  const insert = 'insert into effects (key) values ($1)';
  return {
    ...modifiers,
    action: 'sql.execute',
    system: 'ledger',
    with: {
      statements: [
        { statement: insert, parameters: ['${{ attempt.key }}'] },
        { statement: 'select pg_sleep(0.01)' },
      ],
    },
    // PostgreSQL is killed too: its restart has to fit in.
    retry: { attempts: 200, delay: '50ms', 'max-delay': '1s', on: ['transient'] },
  };
}

const noop = (modifiers: Modifiers): JsonObject => ({ ...modifiers, action: 'tutti.noop' });
const INPUTS: JsonObject = {
  file: { type: 'string' },
  pause: { type: 'string' },
  lines: { type: 'integer' },
};
const FAN = Array.from({ length: 12 }, (_, at) => `fan-${at}`);

const WORKFLOWS: Readonly<Record<string, JsonObject>> = {
  scripts: {
    script: script({}),
    'script-flaky': script({}, '0.01', '2'),
    'script-pooled': script({ needs: ['script'], pool: 'licence' }),
    'script-slow': script({ timeout: '250ms' }, '20'),
    'after-slow': noop({ needs: { 'script-slow': 'timed-out' } }),
    end: noop({ needs: ['script-pooled', 'script-flaky'] }),
  },
  requests: {
    post: post({}),
    'post-each': post({ needs: ['post'], each: [1, 2, 3, 4, 5], parallel: 3 }),
    end: noop({ needs: ['post-each'] }),
  },
  ledger: {
    book: book({}),
    'book-each': book({ needs: ['book'], each: [1, 2, 3], parallel: 2 }),
    script: script({ needs: ['book'] }),
    end: noop({ needs: ['book-each', 'script'] }),
  },
  people: {
    begin: noop({}),
    ask: {
      needs: ['begin'],
      approve: { by: ['desk'], title: 'Go on?', expires: '2h' },
    },
    // Longer than a run stays in memory: it goes to sleep and is woken.
    pause: { needs: ['ask'], wait: '2500ms' },
    route: {
      needs: ['ask'],
      switch: [
        // oxlint-disable-next-line unicorn/no-thenable -- the word of the workflow file
        { when: 'inputs.lines > 20', then: ['post-large'] },
        { else: ['post-small'] },
      ],
    },
    'post-large': post({}),
    'post-small': post({}),
    'book-after': book({ needs: { pause: 'succeeded' } }),
  },
  parents: {
    child: { workflow: 'leaf', inputs: { file: '${{ inputs.file }}' } },
    children: {
      needs: ['child'],
      each: [1, 2, 3],
      parallel: 2,
      workflow: 'leaf',
      inputs: { file: '${{ inputs.file }}' },
    },
    post: post({ needs: ['children'] }),
  },
  fans: {
    begin: noop({}),
    ...Object.fromEntries(FAN.map((name) => [name, noop({ needs: ['begin'] })])),
    post: post({ needs: FAN }),
  },
  leaf: { post: post({}), script: script({ needs: ['post'] }, '0.02') },
  probe: { probe: noop({}) },
  tables: {
    make: {
      action: 'sql.execute',
      system: 'ledger',
      with: { statement: 'create table if not exists effects (key text not null)' },
    },
  },
};

export const MADE_ONCE = 'tables';
export const PROBE = 'probe';
/** What the load starts; `leaf` is started by its parents. */
export const LOAD = ['scripts', 'requests', 'ledger', 'people', 'parents', 'fans'] as const;

/** As files: JSON is YAML. */
export function workflowFiles(): string[] {
  return Object.entries(WORKFLOWS).map(([workflow, tasks]) =>
    JSON.stringify({
      workflow,
      inputs: workflow === 'leaf' ? LEAF_INPUTS : needsInputs(workflow) ? INPUTS : {},
      ...(workflow === 'scripts' && { pools: { licence: 2 } }),
      tasks,
    }),
  );
}

const LEAF_LINES = 10;
const LEAF_INPUTS: JsonObject = {
  file: { type: 'string' },
  lines: { type: 'integer', default: LEAF_LINES },
};

function needsInputs(workflow: string): boolean {
  return workflow !== PROBE && workflow !== MADE_ONCE;
}

export function drawInputs(chance: Chance, file: string): JsonObject {
  // Most scripts are short; some outlive a restart or two.
  const pauseMs = chance.happens(0.15) ? 500 + chance.below(3_000) : chance.below(150);
  return { file, pause: (pauseMs / 1_000).toFixed(3), lines: 2 * (2 + chance.below(20)) };
}

export type EffectKind = 'script' | 'post' | 'book';

/** What an attempt of this task does to the world; null for tasks that do nothing. */
export function effectOf(task: string): EffectKind | null {
  const kind = /^(?:script|post|book)/.exec(task)?.[0];
  return kind === undefined ? null : (kind as EffectKind);
}

export function systemsFile(effectsUrl: string, ledgerUrl = 'embedded:effects'): string {
  return JSON.stringify({
    effects: { kind: 'http', 'base-url': `${effectsUrl}/` },
    ledger: { kind: 'sql', url: ledgerUrl },
  });
}
