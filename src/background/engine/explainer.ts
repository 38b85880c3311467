import type { Clock } from "../core/clock.ts";
import { type Explanation, explain } from "../core/explanation.ts";
import { MAX_PAGE } from "../core/limits.ts";
import { isJobId } from "../core/names.ts";
import type { Census, JobRecord, Store } from "../core/store.ts";
import { settlesWithin } from "./bounded.ts";
import type { Health } from "./health.ts";

export interface ExplainerInit {
  readonly store: Store;
  readonly clock: Clock;
  readonly open: () => Promise<void> | undefined;
  readonly health: () => Promise<Health>;
}

/** How long the store may take to answer. */
const LONGEST_MS = 2_000;
/** Older jobs of the same task that are read, to count those that go first. */
const AHEAD = 100;

/** What could be read from the store. */
interface Found {
  record: JobRecord | null;
  isKnown: boolean;
  census: Census | null;
  running: readonly JobRecord[];
  older: readonly JobRecord[];
}

/** Gathers the facts that explain a job's state, in bounded time whatever the store does. */
export class Explainer {
  readonly #init: ExplainerInit;

  constructor(init: ExplainerInit) {
    this.#init = init;
  }

  /** `null` for an id that is unknown or malformed. */
  async explain(jobId: unknown): Promise<Explanation | null> {
    if (!isJobId(jobId)) return null;
    const found: Found = { record: null, isKnown: true, census: null, running: [], older: [] };
    // In parallel, so that a store that is away is waited for only once.
    const [health] = await Promise.all([this.#init.health(), settlesWithin(LONGEST_MS, this.#find(jobId, found))]);
    const { record, census, running, older } = found;
    if (!found.isKnown) return null;
    const ahead = older.filter((other) => record !== null && other.runAt <= record.runAt);
    return explain({
      jobId,
      record,
      census,
      running,
      isMoreRunning: running.length === MAX_PAGE,
      ahead: ahead.length,
      isMoreAhead: older.length === AHEAD,
      fault: health.error ?? (record === null || census === null ? "it did not answer." : null),
      now: this.#init.clock.now(),
    });
  }

  async #find(jobId: string, found: Found): Promise<void> {
    const { store, open } = this.#init;
    await open();
    const [record] = await store.get([jobId], { isDetailed: false, holdMs: 0 });
    found.isKnown = record !== null;
    if (!record) return;
    found.record = record;
    if (record.status === "pending") {
      const { task, id } = record;
      const running = store.list({ status: "running", task: null, before: null, limit: MAX_PAGE, isBrief: true });
      const older = store.list({ status: "pending", task, before: id, limit: AHEAD, isBrief: true });
      [found.running, found.older] = await Promise.all([running, older]);
    }
    found.census = await store.count();
  }
}
