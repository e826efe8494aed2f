/** All suites of the port: what a journal has to pass. */
import { appendSuite } from './append.suite.ts';
import { notificationsSuite } from './notifications.suite.ts';
import { bulksSuite } from './bulks.suite.ts';
import { feedSuite } from './feed.suite.ts';
import { logsSuite } from './logs.suite.ts';
import { nodesSuite } from './nodes.suite.ts';
import { ownershipSuite } from './ownership.suite.ts';
import { pageSuite } from './page.suite.ts';
import { poolsSuite } from './pools.suite.ts';
import { requestsSuite } from './requests.suite.ts';
import { retentionsSuite } from './retentions.suite.ts';
import { runsSuite } from './runs.suite.ts';
import { slotsSuite } from './slots.suite.ts';
import type { Open } from './subject.fixture.ts';
import { versionsSuite } from './versions.suite.ts';

export function conformance(open: Open): void {
  appendSuite(open);
  notificationsSuite(open);
  bulksSuite(open);
  feedSuite(open);
  logsSuite(open);
  nodesSuite(open);
  ownershipSuite(open);
  pageSuite(open);
  poolsSuite(open);
  requestsSuite(open);
  retentionsSuite(open);
  runsSuite(open);
  slotsSuite(open);
  versionsSuite(open);
}
