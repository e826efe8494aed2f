import { describe, expect, it } from 'vitest';
import type { Definition } from '../model/definition.ts';
import { formatProblem, lowerWorkflow, readWorkflow } from './read.ts';

const ORDER = `
workflow: certificate-of-completion
title: Order to certificate of completion
owner: order-management
inputs:
  orderId: { type: string, pattern: "^[A-Z]{2}-[0-9]{6}$" }
  amount: { type: number, minimum: 0 }
tasks:
  post-ledger:
    system: mainframe
    action: zosmf.submit
    with: { dataset: "PROD.JCL(POSTLEDG)", symbols: { ORDER: "\${{ inputs.orderId }}" } }
    warn: \${{ output.returnCode in [1, 2, 3, 4] }}
    retry: { attempts: 3, delay: 30s, backoff: 2, on: [transient] }
    timeout: 20m
  update-erp:
    needs: [post-ledger]
    system: sap
    action: sap.run-job
    with: { template: Z_CLOSE_ORDER, parameters: { P_ORDER: "\${{ inputs.orderId }}" } }
  route:
    needs: [update-erp]
    switch:
      - when: inputs.amount > 10000
        then: [review]
      - else: [provision]
  review:
    approve: { by: [order-desk], title: "Large order \${{ inputs.orderId }}", expires: 4h, on-expiry: reject }
  provision:
    needs: [review]
    action: shell.run
    with: { script: ./provision.sh, env: { ORDER: "\${{ inputs.orderId }}" } }
  explain:
    needs: { update-erp: failed }
    action: mail.send
    with: { to: order-desk@example.com, subject: "ERP update failed for \${{ inputs.orderId }}" }
`;

function read(source: string): Definition {
  const { definition, problems } = readWorkflow(source);
  expect(problems).toEqual([]);
  if (definition === null) throw new Error('there is no definition');
  return definition;
}

function tasks(body: string): Definition {
  return read(`workflow: w\ntasks:\n${body}`);
}

function edges({ tasks: list, edges: drawn }: Definition): readonly string[] {
  const name = (position: number) => list[position]?.name;
  return drawn.map(({ from, to, on, branch }) => {
    return `${name(from)} -${on}${branch ?? ''}-> ${name(to)}`;
  });
}

describe('a whole file', () => {
  it('becomes a definition', () => {
    const definition = read(ORDER);
    expect(edges(definition)).toEqual([
      'post-ledger -succeeded-> update-erp',
      'update-erp -succeeded-> route',
      'route -branch0-> review',
      'route -branch1-> provision',
      'review -succeeded-> provision',
      'update-erp -failed-> explain',
    ]);
    expect(definition.tasks[0]).toEqual({
      name: 'post-ledger',
      join: 'all',
      body: {
        kind: 'action',
        action: 'zosmf.submit',
        system: 'mainframe',
        with: { dataset: 'PROD.JCL(POSTLEDG)', symbols: { ORDER: '${{ inputs.orderId }}' } },
      },
      warn: '${{ output.returnCode in [1, 2, 3, 4] }}',
      retry: {
        attempts: 3,
        delayMs: 30_000,
        backoff: 2,
        maxDelayMs: 600_000,
        jitter: 0.1,
        on: ['transient'],
      },
      timeoutMs: 1_200_000,
    });
    expect(JSON.stringify(definition.tasks[2]?.body)).toBe(
      '{"kind":"switch","cases":[{"when":"inputs.amount > 10000","then":[3]},{"then":[4]}]}',
    );
    expect(definition.tasks[3]?.body).toEqual({
      kind: 'approve',
      by: ['order-desk'],
      title: 'Large order ${{ inputs.orderId }}',
      expiresMs: 14_400_000,
      onExpiry: 'reject',
    });
    expect(definition.inputs).toEqual({
      orderId: { type: 'string', pattern: '^[A-Z]{2}-[0-9]{6}$', required: true },
      amount: { type: 'number', minimum: 0, required: true },
    });
  });

  it('reads the same from JSON, as a file and as a value', () => {
    const value = {
      workflow: 'w',
      tasks: { a: { wait: '1s' }, b: { action: 'tutti.noop', needs: ['a'] } },
    };
    const expected = tasks('  a: { wait: 1s }\n  b: { action: tutti.noop, needs: [a] }\n');
    expect(read(JSON.stringify(value, null, 2))).toEqual(expected);
    expect(lowerWorkflow(value)).toEqual({ definition: expected, problems: [] });
  });
});

describe('spellings', () => {
  it.each<[string, string, object]>([
    ['wait for', 'wait: 1h30m', { body: { kind: 'wait', forMs: 5_400_000 } }],
    ['wait for in full', 'wait: { for: 500ms }', { body: { kind: 'wait', forMs: 500 } }],
    [
      'wait until',
      'wait: { until: 2026-03-01T21:00:00+01:00 }',
      { body: { kind: 'wait', until: '2026-03-01T21:00:00+01:00' } },
    ],
    [
      'one approver',
      'approve: { by: x }',
      { body: { kind: 'approve', by: ['x'], title: 't', onExpiry: 'reject' } },
    ],
    ['retry as a number', 'action: a.b\n    retry: 5', { retry: { attempts: 5, delayMs: 10_000 } }],
    [
      'each over an expression',
      'action: a.b\n    each: range(3)',
      { each: { items: 'range(3)', parallel: 10 } },
    ],
    [
      'each over a list',
      'action: a.b\n    each: [1, a]\n    parallel: 2',
      { each: { items: [1, 'a'], parallel: 2 } },
    ],
    [
      'each in full',
      'action: a.b\n    each: { items: [1], parallel: 3 }',
      { each: { items: [1], parallel: 3 } },
    ],
    [
      'until',
      'action: a.b\n    until: output.ok',
      { until: { holds: 'output.ok', everyMs: 10_000, attempts: 360 } },
    ],
    [
      'until in full',
      'action: a.b\n    until: { holds: output.ok, every: 1m, attempts: 3 }',
      { until: { holds: 'output.ok', everyMs: 60_000, attempts: 3 } },
    ],
    ['when as true', 'wait: 1s\n    when: true', { when: 'true' }],
    ['join', 'wait: 1s\n    join: any', { join: 'any' }],
    [
      'child',
      'workflow: w2\n    inputs: { x: 1 }',
      { body: { kind: 'workflow', workflow: 'w2', inputs: { x: 1 } } },
    ],
  ])('%s', (_, body, expected) => {
    expect(tasks(`  t:\n    ${body}\n`).tasks[0]).toMatchObject(expected);
  });

  it('pools by name and by slots', () => {
    const definition = read(
      'workflow: w\npools: { p: 3, q: 1 }\ntasks:\n  a: { action: a.b, pool: p }\n  b: { action: a.b, pool: { p: 2, q: 1 } }\n',
    );
    expect(definition.pools).toEqual({ p: 3, q: 1 });
    expect(definition.tasks.map(({ pools }) => pools)).toEqual([
      { 'w/p': 1 },
      { 'w/p': 2, 'w/q': 1 },
    ]);
  });

  it('pools of others by their plain names: whether they are there, deploy says', () => {
    const definition = read('workflow: w\ntasks:\n  a: { action: a.b, pool: licence }\n');
    expect(definition.tasks[0]?.pools).toEqual({ licence: 1 });
  });

  it('inputs in short, with defaults and optional', () => {
    const { inputs } = read(
      'workflow: w\ninputs:\n  a: string\n  b: { type: integer, default: 3 }\n  c: { type: object, required: false }\ntasks: { t: { wait: 1s } }\n',
    );
    expect(inputs).toEqual({
      a: { type: 'string', required: true },
      b: { type: 'integer', default: 3, required: false },
      c: { type: 'object', required: false },
    });
  });

  it('names of recorded workflows', () => {
    expect(tasks('  NFCORE_HIC.HIC.INPUT_1: { wait: 1s }\n').tasks[0]?.name).toBe(
      'NFCORE_HIC.HIC.INPUT_1',
    );
  });
});

describe('edges', () => {
  it('follow from references, where none is drawn', () => {
    const definition = tasks(`
  a: { action: a.b }
  b: { action: a.b, with: { x: "\${{ tasks.a.output.y }}" } }
  c: { action: a.b, when: "tasks['b'].output.ok && tasks.a.status == 'succeeded'" }
  d: { action: a.b, needs: { a: failed }, with: { x: "\${{ tasks.a.status }}" } }
  e: { action: a.b, each: tasks.a.output.list }
  f: { wait: { until: "\${{ tasks.a.output.time }}" } }
  g: { approve: { by: x, title: "\${{ tasks.a.output.title }}" } }
  s: { switch: [{ when: tasks.a.output.ok, then: h }] }
  h: { action: a.b, with: { x: "\${{ tasks.s.status }}" } }
`);
    expect(edges(definition)).toEqual([
      'a -failed-> d',
      's -branch0-> h',
      'a -succeeded-> b',
      'b -succeeded-> c',
      'a -succeeded-> c',
      'a -succeeded-> e',
      'a -succeeded-> f',
      'a -succeeded-> g',
      'a -succeeded-> s',
    ]);
  });

  it('from references only wait where needs or a branch decide', () => {
    const definition = tasks(`
  a: { action: a.b }
  b: { action: a.b }
  s: { needs: [b], switch: [{ when: tasks.a.output.ok, then: c }] }
  c: { action: a.b, with: { x: "\${{ tasks.a.output.y }}" } }
  d: { action: a.b, with: { x: "\${{ tasks.a.output.y }}" } }
`);
    const implied = definition.edges.filter((edge) => edge.implied === true);
    expect(edges({ ...definition, edges: implied })).toEqual([
      'a -succeeded-> s',
      'a -succeeded-> c',
    ]);
  });

  it('take several ends of one task', () => {
    const definition = tasks(
      '  a: { action: a.b }\n  b: { wait: 1s, needs: { a: [failed, cancelled] } }\n',
    );
    expect(edges(definition)).toEqual(['a -failed-> b', 'a -cancelled-> b']);
  });
});

describe('mistakes', () => {
  const BAD = `workflow: w
inputs: { amount: nummber }
tasks:
  extract:
    action: shell.run
    retyr: 3
  load:
    needs: [extrct]
    action: shell.run
    when: inputs.amunt > 3
  wait:
    wait: soon
`;

  it('are told all at once, in the order of the file', () => {
    const { definition, problems } = readWorkflow(BAD, { file: 'w.yaml' });
    expect(definition).toBeNull();
    expect(problems.map((problem) => formatProblem(problem))).toEqual([
      'w.yaml:2:19 field.value expected string, number, integer, boolean, object or array, found "nummber"\n  hint: did you mean "number"?',
      'w.yaml:6:5 field.unknown unknown key "retyr"\n  hint: did you mean "retry"?',
      'w.yaml:8:13 task.unknown there is no task "extrct"\n  hint: did you mean "extract"?',
      'w.yaml:10:18 expression there is no field "amunt" here\n  hint: did you mean "amount"?',
      'w.yaml:12:11 field.value expected a duration such as 500ms, 30s, 1h30m or 2d, found "soon"',
    ]);
    expect(problems[3]?.path).toBe('tasks.load.when');
  });

  it('are shown with the line and a caret', () => {
    const [, , third] = readWorkflow(BAD, { file: 'w.yaml' }).problems;
    expect(third && formatProblem(third, BAD).split('\n')).toEqual([
      'w.yaml:8:13 task.unknown there is no task "extrct"',
      '  8 |     needs: [extrct]',
      '    |             ^',
      '  hint: did you mean "extract"?',
    ]);
  });

  it('of a program carry paths', () => {
    const { problems } = lowerWorkflow({
      workflow: 'w',
      tasks: { a: { wait: '1s', needs: ['b'] } },
    });
    expect(problems).toEqual([
      { code: 'task.unknown', message: 'there is no task "b"', path: 'tasks.a.needs[0]' },
    ]);
  });

  it.each<[string, unknown]>([
    ['a function', { workflow: 'w', tasks: () => 1 }],
    [
      'a cycle',
      (() => {
        const value: Record<string, unknown> = {};
        value.tasks = value;
        return value;
      })(),
    ],
    ['not a number', { workflow: 'w', tasks: { a: { retry: Number.NaN } } }],
    ['undefined', undefined],
    ['a list', []],
  ])('of a program that gives %s', (_, value) => {
    expect(lowerWorkflow(value).problems).toHaveLength(1);
  });

  it('beyond a thousand are counted', () => {
    const body = Array.from({ length: 2_000 }, (_, position) => `  t${position}: { wat: 1 }`);
    const { problems } = readWorkflow(`workflow: w\ntasks:\n${body.join('\n')}\n`);
    expect(problems).toHaveLength(1_001);
    expect(problems.some(({ message }) => message === 'there are 3000 more errors')).toBe(true);
  });
});

describe('hostile files', () => {
  it.each<[string, string, string]>([
    ['open brackets', '['.repeat(20_000), 'nested deeper'],
    ['open braces', '{a: '.repeat(5_000), 'nested deeper'],
    ['question marks', '? '.repeat(2_000), 'nested deeper'],
    [
      'deep indentation',
      Array.from({ length: 500 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
      'nested deeper',
    ],
    [
      'a bomb of aliases',
      ['a: &a [x, x, x, x, x, x, x, x, x]']
        .concat(
          Array.from('bcdefghij', (name, position) => {
            const before = 'abcdefghij'.charAt(position);
            return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(', ')}]`;
          }),
        )
        .join('\n'),
      'aliases make the file too large',
    ],
    ['an alias inside itself', 'a: &a [*a]', 'aliases make the file too large'],
    ['a huge text', `workflow: ${'x'.repeat(33 * 1024 * 1024)}`, 'longer than'],
  ])('%s', (_, source, message) => {
    expect(readWorkflow(source).problems[0]?.message).toContain(message);
  });

  it('reads aliases that are meant', () => {
    const definition = read(
      'workflow: w\ntasks:\n  a: { wait: 1s, title: &t same }\n  b: { wait: 1s, title: *t }\n',
    );
    expect(definition.tasks.map(({ title }) => title)).toEqual(['same', 'same']);
  });

  it('keeps a key __proto__ a key', () => {
    const source =
      'workflow: w\ntasks: { a: { action: a.b, with: { __proto__: { polluted: true } } } }\n';
    expect(JSON.stringify(read(source).tasks[0]?.body)).toContain('"__proto__":{"polluted":true}');
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('size', () => {
  const COUNT = 20_000;

  it('lowers a generated workflow of 20,000 tasks', () => {
    const generated = Array.from({ length: COUNT }, (_, position): [string, object] => {
      const needs = position === 0 ? {} : { needs: [`t${Math.floor((position - 1) / 2)}`] };
      return [`t${position}`, { action: 'tutti.noop', ...needs }];
    });
    const { definition, problems } = lowerWorkflow({
      workflow: 'w',
      tasks: Object.fromEntries(generated),
    });
    expect(problems).toEqual([]);
    expect(definition?.tasks).toHaveLength(COUNT);
    expect(definition?.edges).toHaveLength(COUNT - 1);
  });

  it('says how many tasks are too many', () => {
    const many = Array.from({ length: 100_001 }, (_, at) => `"t${at}":{"action":"a.b"}`);
    const { definition, problems } = readWorkflow(`{"workflow":"w","tasks":{${many.join(',')}}}`);
    expect(definition).toBeNull();
    expect(problems).toMatchObject([{ code: 'source.limit' }]);
    expect(problems[0]?.message).toContain('at most 100000 tasks, this one has 100001');
  });

  it('finds a cycle through 20,000 tasks', () => {
    const count = 20_000;
    const generated = Array.from({ length: count }, (_, position): [string, object] => {
      return [`t${position}`, { action: 'tutti.noop', needs: [`t${(position + 1) % count}`] }];
    });
    const { problems } = lowerWorkflow({ workflow: 'w', tasks: Object.fromEntries(generated) });
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toContain('→ ... →');
  });
});
