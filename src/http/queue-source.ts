import type { FinishedJobs, JobQueue } from "../background/engine/queue.ts";
import type { Source } from "./feed.ts";

/** Most ids in one event; the dashboard's lists have no more rows. */
const MAX_IDS = 100;

/** Polls a queue for its counts, and collects finished jobs. */
export class QueueSource implements Source {
  readonly #queue: JobQueue;
  /** The counts as last sent, as JSON; empty before the first poll. */
  #sent = "";
  #finished: string[] = [];
  #isMore = false;

  constructor(queue: JobQueue) {
    this.#queue = queue;
  }

  /** Notes jobs that any process has finished, for the next poll. */
  finished(jobs: FinishedJobs): void {
    if (this.#isMore) return;
    const room = MAX_IDS - this.#finished.length;
    this.#finished.push(...jobs.jobIds.slice(0, room));
    this.#isMore = jobs.jobIds.length > room;
  }

  async poll(emit: (event: string, data: unknown) => void): Promise<object> {
    const counts = await this.#queue.counts();
    const at = new Date();
    const text = JSON.stringify(counts);
    const all = { at, ...counts };
    // Before the first poll, no viewer has a state to update.
    if (this.#sent !== "" && text !== this.#sent) emit("counts", all);
    this.#sent = text;
    if (this.#finished.length > 0) emit("jobs", { at, finished: this.#finished, isMore: this.#isMore });
    this.#finished = [];
    this.#isMore = false;
    return all;
  }
}
