import type { FinishedJobs, JobQueue } from "../background/engine/queue.ts";
import type { Source } from "./feed.ts";

/** Ids that one event names; a list on a screen has no more rows. */
const MAX_IDS = 100;

/** What happens on a queue: how many jobs there are, and which are done. */
export class QueueSource implements Source {
  readonly #queue: JobQueue;
  #told = "";
  #finished: string[] = [];
  #isMore = false;

  constructor(queue: JobQueue) {
    this.#queue = queue;
  }

  /** Jobs are done, whoever ended them. */
  finished(jobs: FinishedJobs): void {
    if (this.#isMore) return;
    const room = MAX_IDS - this.#finished.length;
    this.#finished.push(...jobs.jobIds.slice(0, room));
    this.#isMore = jobs.jobIds.length > room;
  }

  async look(tell: (event: string, data: unknown) => void): Promise<object> {
    const counts = await this.#queue.counts();
    const at = new Date();
    const text = JSON.stringify(counts);
    const all = { at, ...counts };
    // Nobody can have seen anything before the first look.
    if (this.#told !== "" && text !== this.#told) tell("counts", all);
    this.#told = text;
    if (this.#finished.length > 0) tell("jobs", { at, finished: this.#finished, isMore: this.#isMore });
    this.#finished = [];
    this.#isMore = false;
    return all;
  }
}
