import type { Signal } from "../../core/store.ts";

/** What a transaction has to tell about once it is committed. */
export class Told {
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

  signals(): Signal[] {
    const signals: Signal[] = [
      { kind: "ready", lanes: [...this.#lanes] },
      { kind: "cancelled", ids: this.#cancelled },
      { kind: "finished", ids: this.#finished },
    ];
    return signals.filter((signal) => (signal.kind === "ready" ? signal.lanes : signal.ids).length > 0);
  }
}
