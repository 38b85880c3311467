import type { Signal } from "../../core/store.ts";

/** Collects the signals to send once a transaction is committed. */
export class SignalBuffer {
  readonly #lanes = new Set<string>();
  readonly #cancelled: string[] = [];
  readonly #finished: string[] = [];

  ready(lane: string): void {
    this.#lanes.add(lane);
  }

  cancelled(id: string): void {
    this.#cancelled.push(id);
  }

  finished(id: string): void {
    this.#finished.push(id);
  }

  all(): Signal[] {
    const signals: Signal[] = [
      { kind: "ready", lanes: [...this.#lanes] },
      { kind: "cancelled", ids: this.#cancelled },
      { kind: "finished", ids: this.#finished },
    ];
    return signals.filter((signal) => (signal.kind === "ready" ? signal.lanes : signal.ids).length > 0);
  }
}
