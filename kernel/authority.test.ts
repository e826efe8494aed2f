import { describe, expect, it } from 'vitest';
import { OPERATIONS } from '../protocol/routes.ts';
import { type Asked, AUTHORITY, type Caller, judge } from './authority.ts';

const JOB: Caller = { kind: 'job', run: 'r-1' };
const ANYONE: Caller = { kind: 'anyone' };
const OPERATOR: Caller = { kind: 'operator', actor: 'ada', proven: true };
const nothing = () => undefined;
const allowed = (caller: Caller) =>
  Object.keys(AUTHORITY).filter((asked) => judge(asked as Asked, caller, nothing) === 'granted');

describe('the table of authority', () => {
  it('knows every operation of the API, and four pages besides', () => {
    const pages = ['enter', 'documents', 'metrics', 'forwarded'];
    const operations = OPERATIONS.map(([operation]) => operation);
    expect(Object.keys(AUTHORITY).toSorted()).toEqual([...operations, ...pages].toSorted());
  });

  it('lets anyone do what the routes call open, enter by a link, and nothing else', () => {
    const open = OPERATIONS.filter(([, route]) => route.open).map(([operation]) => operation);
    expect(allowed(ANYONE).toSorted()).toEqual([...open, 'enter'].toSorted());
    expect(judge('listRuns', ANYONE, nothing)).toBe('who');
  });

  it('keeps for nodes what they tell each other, and gives them nothing else', () => {
    const node: Caller = { kind: 'node', name: 'west' };
    expect(allowed(node)).toEqual(expect.arrayContaining(['forwarded', 'checkHealth']));
    expect(judge('getRun', node, () => 'r-1')).toBe('forbidden');
    expect(judge('forwarded', OPERATOR, nothing)).toBe('forbidden');
  });

  it('gives an operator everything else', () => {
    const rest = Object.keys(AUTHORITY).filter((asked) => asked !== 'forwarded');
    expect(allowed(OPERATOR)).toEqual(rest);
  });

  it('lets a job no further than its own run, in one place of the request that names it', () => {
    const routes = Object.fromEntries(OPERATIONS);
    expect(allowed(JOB).toSorted()).toEqual(allowed(ANYONE).toSorted());
    for (const [asked, { job }] of Object.entries(AUTHORITY)) {
      if (typeof job === 'string') continue;
      const [part, name = ''] = job.own.split('.');
      const { params, querystring } = routes[asked]?.schema ?? {};
      const shape = (part === 'path' ? params : querystring)?.shape ?? {};
      expect([asked, Object.keys(shape)]).toEqual([asked, expect.arrayContaining([name])]);
      // Whatever else of the request names a run is no run that it acts on.
      const named = (run: string) => (place: string) => (place === job.own ? run : 'r-2');
      const verdicts = [named('r-1'), named('r-2'), nothing].map((one) =>
        judge(asked as Asked, JOB, one),
      );
      expect([asked, ...verdicts]).toEqual([asked, 'granted', 'forbidden', 'forbidden']);
    }
  });

  it('lets a job change nothing but hold, release and cancel its own run', () => {
    const changing = OPERATIONS.filter(([, route]) => route.method === 'POST');
    const may = changing.filter(([asked]) => judge(asked, JOB, () => 'r-1') === 'granted');
    expect(may.map(([asked]) => asked).toSorted()).toEqual(['cancelRun', 'holdRun', 'releaseRun']);
  });
});
