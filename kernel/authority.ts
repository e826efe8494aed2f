/**
 * The table of authority: which kind of caller may ask what. The API asks it once for every request,
 * before it reads a body; what does not stand here is not served.
 *
 * - anyone: has not said who they are
 * - operator: holds the token of a data folder, and may name who acts; not `proven` where no caller is
 *   asked who they are (`--auth none`)
 * - session: a browser that came in by a link of an operator
 * - node: another node on the same database; it passes on what its own door has let in
 * - job: what a task runs; it may look at its own run, hold, release and cancel it, and nothing else.
 *   What a person is asked to decide it may not decide, and not by another way either: who skips,
 *   forces, steers, restarts or reruns a task, or frees one that was held, passes an approval by.
 */
import type { Operation } from '../protocol/routes.ts';

export type Caller =
  | { readonly kind: 'anyone' }
  | { readonly kind: 'operator'; readonly actor: string; readonly proven: boolean }
  | { readonly kind: 'session'; readonly actor: string }
  | { readonly kind: 'node'; readonly name: string }
  | { readonly kind: 'job'; readonly run: string };

/** Where a request names the run that it is about. */
const RUN_PLACES = ['path.run', 'query.run', 'query.id'] as const;
export type RunPlace = (typeof RUN_PLACES)[number];
/** `{ own }`: only when the run that is named there is the caller's own. */
type Right = 'yes' | 'no' | { readonly own: RunPlace };
type Rights = Readonly<Record<Caller['kind'], Right>>;

/** What is served besides the operations of the API. */
type PageName = 'enter' | 'documents' | 'metrics' | 'forwarded';
export type Asked = Operation | PageName;

const ANYONE: Rights = { anyone: 'yes', operator: 'yes', session: 'yes', node: 'yes', job: 'yes' };
const PEOPLE: Rights = { anyone: 'no', operator: 'yes', session: 'yes', node: 'no', job: 'no' };
const OPERATORS: Rights = { ...PEOPLE, session: 'no' };
const NODES: Rights = { anyone: 'no', operator: 'no', session: 'no', node: 'yes', job: 'no' };
const OWN_RUN: Rights = { ...PEOPLE, job: { own: 'path.run' } };

export const AUTHORITY: Readonly<Record<Asked, Rights>> = {
  listRuns: { ...PEOPLE, job: { own: 'query.id' } },
  startRun: PEOPLE,
  getRun: OWN_RUN,
  listTasks: OWN_RUN,
  getTask: OWN_RUN,
  explainRun: OWN_RUN,
  explainTask: OWN_RUN,
  readEvents: OWN_RUN,
  readLogs: OWN_RUN,
  streamEvents: { ...PEOPLE, job: { own: 'query.run' } },
  holdRun: OWN_RUN,
  releaseRun: OWN_RUN,
  cancelRun: OWN_RUN,
  restartRun: PEOPLE,
  repairRun: PEOPLE,
  previewRestart: PEOPLE,
  holdTask: PEOPLE,
  releaseTask: PEOPLE,
  skipTask: PEOPLE,
  rerunTask: PEOPLE,
  approveTask: PEOPLE,
  rejectTask: PEOPLE,
  forceTask: PEOPLE,
  steerTask: PEOPLE,
  countBulk: PEOPLE,
  beginBulk: PEOPLE,
  listBulks: PEOPLE,
  getBulk: PEOPLE,
  cancelBulk: PEOPLE,
  beginRetention: PEOPLE,
  listRetentions: PEOPLE,
  getRetention: PEOPLE,
  cancelRetention: PEOPLE,
  listWorkflows: PEOPLE,
  listPools: PEOPLE,
  getWorkflow: PEOPLE,
  listVersions: PEOPLE,
  getVersion: PEOPLE,
  deployWorkflow: PEOPLE,
  validateWorkflow: PEOPLE,
  listSystems: PEOPLE,
  listActions: PEOPLE,
  listNodes: PEOPLE,
  sayHello: ANYONE,
  makeLink: OPERATORS,
  checkHealth: ANYONE,
  checkReadiness: ANYONE,
  enter: ANYONE,
  documents: PEOPLE,
  metrics: PEOPLE,
  forwarded: NODES,
};

type Verdict = 'granted' | 'who' | 'forbidden';

/** `named`: the run at a place of the request, if it names exactly one there. */
export function judge(
  asked: Asked,
  caller: Caller,
  named: (place: RunPlace) => string | undefined,
): Verdict {
  const right = AUTHORITY[asked][caller.kind];
  if (right === 'yes') return 'granted';
  if (caller.kind === 'anyone') return 'who';
  const own = right !== 'no' && caller.kind === 'job' && named(right.own) === caller.run;
  return own ? 'granted' : 'forbidden';
}
