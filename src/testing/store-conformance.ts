import { attemptCases } from "./conformance/attempts.ts";
import { cancelCases } from "./conformance/cancel.ts";
import type { StoreCase } from "./conformance/case.ts";
import { claimCases } from "./conformance/claim.ts";
import { closeCases } from "./conformance/close.ts";
import { concurrencyCases } from "./conformance/concurrency.ts";
import { countCases } from "./conformance/count.ts";
import { describeCases } from "./conformance/describe.ts";
import { enqueueCases } from "./conformance/enqueue.ts";
import { getCases } from "./conformance/get.ts";
import { heartbeatCases } from "./conformance/heartbeat.ts";
import { leaseCases } from "./conformance/leases.ts";
import { listCases } from "./conformance/list.ts";
import { nextCases } from "./conformance/next.ts";
import { offerCases } from "./conformance/offer.ts";
import { orderCases } from "./conformance/order.ts";
import { presenceCases } from "./conformance/presence.ts";
import { pruneCases } from "./conformance/prune.ts";
import { retryCases } from "./conformance/retry.ts";
import { settleCases } from "./conformance/settle.ts";
import { settleAgainCases } from "./conformance/settle-again.ts";
import { snapshotCases } from "./conformance/snapshots.ts";
import { subscribeCases } from "./conformance/subscribe.ts";
import { textCases } from "./conformance/text.ts";
import { timeCases } from "./conformance/time.ts";
import { traceCases } from "./conformance/trace.ts";

export type { OpenStore, StoreCase } from "./conformance/case.ts";

/**
 * The conformance suite that every store has to pass, one case for each promise, for any test runner. Stores are given
 * a clock, so that no case waits for time to pass; only signals are waited for, at most two seconds.
 *
 * @example
 * ```ts
 * import { storeCases } from "rapidai/testing";
 * import { describe, it } from "vitest";
 *
 * describe("MyStore", () => {
 *   for (const { name, run } of storeCases) it(name, () => run(({ clock }) => new MyStore({ clock })));
 * });
 * ```
 */
export const storeCases: readonly StoreCase[] = [
  ...enqueueCases,
  ...textCases,
  ...orderCases,
  ...claimCases,
  ...leaseCases,
  ...heartbeatCases,
  ...presenceCases,
  ...settleCases,
  ...settleAgainCases,
  ...attemptCases,
  ...cancelCases,
  ...retryCases,
  ...getCases,
  ...listCases,
  ...countCases,
  ...nextCases,
  ...pruneCases,
  ...describeCases,
  ...timeCases,
  ...traceCases,
  ...snapshotCases,
  ...concurrencyCases,
  ...closeCases,
  ...subscribeCases,
  ...offerCases,
];
