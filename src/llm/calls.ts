import { failureOf } from "../background/core/failure.ts";
import { guarded } from "../background/engine/guarded.ts";

/** A call of a model that has ended, well or not. */
export interface LlmCall {
  readonly model: string;
  /** Whose protocol it was made in, `"anthropic"`, `"openai"` or `"openai-compatible"`; of a model object what that calls it. */
  readonly provider: string;
  readonly method: "complete" | "stream" | "chat" | "embed";
  /** As far as the provider told: of a stream that was cut, what it told before; `null` when it told nothing. */
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /** US dollars; `null` when the model's price is unknown, or the provider told no tokens. */
  readonly cost: number | null;
  /** Whether there is something to pay, known or not: the provider told tokens, or something of an answer came. */
  readonly isBilled: boolean;
  readonly startedAt: Date;
  readonly durationMs: number;
  /** What was thrown; `null` when the call succeeded. */
  readonly error: unknown;
  /** The job that the call was made in, and its task's name; `null` outside of one. */
  readonly jobId: string | null;
  readonly task: string | null;
}

type CallListener = (call: LlmCall) => void;

const listeners = new Set<CallListener>();

/**
 * Tells of each call of an LLM in this process, also of those that failed. Returns the function that ends it.
 *
 * @example
 * ```ts
 * const stop = onLlmCall(({ model, inputTokens, outputTokens, cost }) => {
 *   console.log(`${model}: ${inputTokens ?? "?"} + ${outputTokens ?? "?"} tokens, ${cost ?? "?"} dollars`);
 * });
 * ```
 */
export function onLlmCall(listener: CallListener): () => void {
  // One of its own for each registration: the same function twice is told twice.
  const own: CallListener = (call) => listener(call);
  listeners.add(own);
  return () => listeners.delete(own);
}

/** A listener that throws, or rejects, harms neither the call nor the others. */
export function tellCall(call: LlmCall): void {
  for (const listener of [...listeners]) guarded(() => listener(call), warn);
}

function warn(thrown: unknown): void {
  process.emitWarning(`A listener of LLM calls threw: ${failureOf(thrown).message}`, "RapidAIWarning");
}
