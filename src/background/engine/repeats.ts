/** How long a repeated message is suppressed, in milliseconds. */
const QUIET_MS = 60_000;
/** Most messages to remember. */
const MAX_MESSAGES = 100;

/** Keeps a log from being flooded with one message, as while a store is away. */
export class Repeats {
  /** When each message was last logged, by its text without numbers, which are mostly durations. */
  readonly #loggedAt = new Map<string, number>();

  /** Whether a message has not been logged within the last minute; if so, it counts as logged at `now`. */
  isNews(text: string, now: number): boolean {
    const alike = text.replace(/\d+/g, "0");
    const loggedAt = this.#loggedAt.get(alike);
    if (loggedAt !== undefined && now - loggedAt < QUIET_MS) return false;
    this.#loggedAt.delete(alike);
    const [oldest] = this.#loggedAt.keys();
    if (oldest !== undefined && this.#loggedAt.size >= MAX_MESSAGES) this.#loggedAt.delete(oldest);
    this.#loggedAt.set(alike, now);
    return true;
  }

  /** Forgets all messages: what they reported is over, and a repetition would be news. */
  forget(): void {
    this.#loggedAt.clear();
  }
}
