import { MAX_TIMER_MS } from "../core/duration.ts";

/** Reasons for which a queue keeps its process alive. */
export type Reason = "started" | "running" | "backlog" | "waiting";

/** Keeps the process alive while there is a reason to. */
export class KeepAlive {
  readonly #reasons = new Set<Reason>();
  // A referenced timer keeps the process alive; this one does nothing.
  #timer: NodeJS.Timeout | undefined;

  set(reason: Reason, isOn: boolean): void {
    if (this.#reasons.has(reason) === isOn) return;
    if (isOn) this.#reasons.add(reason);
    else this.#reasons.delete(reason);
    if (this.#reasons.size > 0) this.#timer ??= setInterval(() => {}, MAX_TIMER_MS);
    else if (this.#timer !== undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
