import type { Clock } from "../core/clock.ts";
import { JobError } from "../core/errors.ts";
import type { Events } from "./events.ts";

/** The kinds of calls that a worker makes on its own and repeats until they succeed. */
export type OwnCall = "begin" | "claim" | "renew" | "settle";

/** An outage: from the first call that could not reach the store until every kind of call that failed has succeeded. */
export class Outage {
  readonly #events: Pick<Events, "report" | "recovered">;
  readonly #clock: Clock;
  readonly #failing = new Set<OwnCall>();
  #since = 0;

  constructor(events: Pick<Events, "report" | "recovered">, clock: Clock) {
    this.#events = events;
    this.#clock = clock;
  }

  failed(call: OwnCall, error: unknown): void {
    if (isStoreAway(error)) {
      if (this.#failing.size === 0) this.#since = this.#clock.now();
      this.#failing.add(call);
    }
    this.#events.report(error);
  }

  passed(call: OwnCall): void {
    if (this.#failing.delete(call) && this.#failing.size === 0)
      this.#events.recovered(Math.max(0, this.#clock.now() - this.#since));
  }
}

/** Whether a call failed because the store could not be reached. */
export function isStoreAway(error: unknown): error is JobError {
  return error instanceof JobError && error.code === "queue_unavailable";
}
