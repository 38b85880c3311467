/** How long the same is not said again, in milliseconds. */
const QUIET_MS = 60_000;
/** Different texts that are remembered. */
const MOST = 100;

/** Keeps a log from being flooded with one line, as while a store is away: says what is news to whoever reads it. */
export class Repeats {
  /** When each was said last, by the text without its numbers, which are mostly how long something took. */
  readonly #saidAt = new Map<string, number>();

  /** Whether a text was not said within the last minute; it counts as said from `now` on. */
  isNews(text: string, now: number): boolean {
    const alike = text.replace(/\d+/g, "0");
    const saidAt = this.#saidAt.get(alike);
    if (saidAt !== undefined && now - saidAt < QUIET_MS) return false;
    this.#saidAt.delete(alike);
    const [oldest] = this.#saidAt.keys();
    if (oldest !== undefined && this.#saidAt.size >= MOST) this.#saidAt.delete(oldest);
    this.#saidAt.set(alike, now);
    return true;
  }

  /** Whatever was said is over, and would be news. */
  forget(): void {
    this.#saidAt.clear();
  }
}
