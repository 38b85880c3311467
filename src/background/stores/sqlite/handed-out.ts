/** What a settlement has to know of the attempt that it ends. */
export interface Held {
  readonly token: string;
  readonly key: number;
  readonly task: string;
  readonly lane: string;
  readonly attempts: number;
  readonly worker: string;
  readonly attempted_at: number;
}

/** Attempts that are remembered; those that another worker took over are never settled here, and would stay for ever. */
const MOST = 10_000;

/**
 * The attempts that this connection handed out, so that settling one need not read it first. None of it can change while
 * the token is the job's own; whether it still is, only the file can say.
 */
export class HandedOut {
  readonly #byId = new Map<string, Held>();

  add(id: string, held: Held): void {
    if (this.#byId.size >= MOST) this.#byId.clear();
    this.#byId.set(id, held);
  }

  /** Returns it and forgets it. */
  take(id: string, token: string): Held | undefined {
    const held = this.#byId.get(id);
    if (held?.token !== token) return undefined;
    this.#byId.delete(id);
    return held;
  }
}
