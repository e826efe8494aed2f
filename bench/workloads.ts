/** All workloads, in the order of the table. */
import { d1 } from './d1-shell.ts';
import { d2 } from './d2-http.ts';
import { w1 } from './w1-chain.ts';
import { w2 } from './w2-fan.ts';
import { w3 } from './w3-latency.ts';
import { w4 } from './w4-sleep.ts';
import { w5 } from './w5-large.ts';
import { w6 } from './w6-arrivals.ts';
import type { Workload } from './workload.ts';

export const WORKLOADS: readonly Workload[] = [w1, w2, w3, w4, w5, w6, d1, d2];
