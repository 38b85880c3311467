import { AsyncLocalStorage } from "node:async_hooks";
import type { Job } from "../background/engine/job.ts";
import { type LlmCall, notifyCall } from "./calls.ts";
import type { TokenUsage } from "./prices.ts";

/** What is called, and how. */
type Target = Pick<LlmCall, "model" | "provider" | "method">;
/** In US dollars; `null` when the price is unknown. */
type CostOf = (tokens: TokenUsage) => number | null;
/** Runs a function in the caller's async context. */
export type Caller = ReturnType<typeof AsyncLocalStorage.snapshot>;

/** Measures one call. Its usage is recorded once, on the job in which it was made, however the call ends. */
export class Meter {
  readonly #target: Target;
  readonly #costOf: CostOf;
  readonly #job: Job | undefined;
  readonly #caller: Caller;
  readonly #startedAt = new Date();
  readonly #startedAtMs = performance.now();
  #tokens: TokenUsage | null = null;
  #isAnswered = false;
  #isOver = false;

  constructor(target: Target, costOf: CostOf, job: Job | undefined, caller: Caller = AsyncLocalStorage.snapshot()) {
    this.#target = target;
    this.#costOf = costOf;
    this.#job = job;
    this.#caller = caller;
  }

  /** The tokens reported so far. */
  get tokens(): TokenUsage | null {
    return this.#tokens;
  }

  /** Replaces the tokens reported so far; `null` leaves them as they are. */
  update(tokens: TokenUsage | null): void {
    this.#tokens = tokens ?? this.#tokens;
  }

  /** Part of an answer has arrived, so that the call is billed. */
  markBilled(): void {
    this.#isAnswered = true;
  }

  /** Records the call. Only the first time counts. */
  end(error: unknown = null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { inputTokens = null, outputTokens = null } = this.#tokens ?? {};
    const cost = this.#tokens === null ? null : this.#costOf(this.#tokens);
    // A refused call costs nothing; an answer whose tokens were never reported costs something, but how much is unknown.
    const isBilled = this.#tokens !== null || this.#isAnswered;
    if (isBilled) this.#job?.recordUsage({ inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0, cost });
    // The call may be ended from another context, by a cancel for example, but belongs to the caller's trace.
    this.#caller(notifyCall, {
      ...this.#target,
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
