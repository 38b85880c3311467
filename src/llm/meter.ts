import { AsyncLocalStorage } from "node:async_hooks";
import type { Job } from "../background/engine/job.ts";
import { type LlmCall, tellCall } from "./calls.ts";
import type { TokenUsage } from "./prices.ts";

/** What is called, and how. */
type Asked = Pick<LlmCall, "model" | "provider" | "method">;
/** US dollars; `null` when the price is unknown. */
type CostOf = (tokens: TokenUsage) => number | null;
/** Runs something in the context of whoever makes the call. */
export type Caller = ReturnType<typeof AsyncLocalStorage.snapshot>;

/** Measures one call: what it used is recorded once, on the job it was made in, however the call ends. */
export class Meter {
  readonly #asked: Asked;
  readonly #costOf: CostOf;
  readonly #job: Job | undefined;
  readonly #caller: Caller;
  readonly #startedAt = new Date();
  readonly #startedAtMs = performance.now();
  #tokens: TokenUsage | null = null;
  #isAnswered = false;
  #isOver = false;

  constructor(asked: Asked, costOf: CostOf, job: Job | undefined, caller: Caller = AsyncLocalStorage.snapshot()) {
    this.#asked = asked;
    this.#costOf = costOf;
    this.#job = job;
    this.#caller = caller;
  }

  /** What the provider told so far. */
  get tokens(): TokenUsage | null {
    return this.#tokens;
  }

  /** The provider told what was used so far; `null` leaves what it told before. */
  told(tokens: TokenUsage | null): void {
    this.#tokens = tokens ?? this.#tokens;
  }

  /** Something of an answer came, so that there will be a bill. */
  answered(): void {
    this.#isAnswered = true;
  }

  /** The call is over; only the first time counts. */
  end(error: unknown = null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { inputTokens = null, outputTokens = null } = this.#tokens ?? {};
    const cost = this.#tokens === null ? null : this.#costOf(this.#tokens);
    // A refused call costs nothing; an answer whose tokens were never told has a cost that nobody knows.
    const isBilled = this.#tokens !== null || this.#isAnswered;
    if (isBilled) this.#job?.recordUsage({ inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0, cost });
    // Whoever ends it, by a cancel say, may be at something else: the call belongs into the caller's trace.
    this.#caller(tellCall, {
      ...this.#asked,
      inputTokens,
      outputTokens,
      cost,
      isBilled,
      startedAt: this.#startedAt,
      durationMs: performance.now() - this.#startedAtMs,
      error,
      jobId: this.#job?.id ?? null,
      task: this.#job?.task ?? null,
    });
  }
}
