import { failureOf } from "../background/core/failure.ts";
import { guarded } from "../background/engine/guarded.ts";

/** A model call that has ended, successfully or not. */
export interface LlmCall {
  readonly model: string;
  /** `"anthropic"`, `"openai"` or `"openai-compatible"`; for a model object of the AI SDK, that object's `provider`. */
  readonly provider: string;
  readonly method: "complete" | "stream" | "chat" | "embed";
  /** As reported by the provider; of an interrupted stream, as reported until then. `null` if nothing was reported. */
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /** In US dollars; `null` when the model's price is unknown, or the provider reported no tokens. */
  readonly cost: number | null;
  /** Whether the call costs anything, known or not: the provider reported tokens, or part of an answer arrived. */
  readonly isBilled: boolean;
  readonly startedAt: Date;
  readonly durationMs: number;
  /** What the call threw; `null` when it succeeded. */
  readonly error: unknown;
  /** The job in which the call was made, and its task; `null` outside a job. */
  readonly jobId: string | null;
  readonly task: string | null;
}

type CallListener = (call: LlmCall) => void;

const listeners = new Set<CallListener>();

/**
 * Calls `listener` for each model call that an LLM makes in this process, failed ones included.
 *
 * @returns the function that removes the listener
 *
 * @example
 * ```ts
 * const stop = onLlmCall(({ model, inputTokens, outputTokens, cost }) => {
 *   console.log(`${model}: ${inputTokens ?? "?"} + ${outputTokens ?? "?"} tokens, ${cost ?? "?"} dollars`);
 * });
 * ```
 */
export function onLlmCall(listener: CallListener): () => void {
  // A function of its own for each registration, so that a listener registered twice is called twice.
  const own: CallListener = (call) => listener(call);
  listeners.add(own);
  return () => listeners.delete(own);
}

/** Calls every listener. One that throws or rejects affects neither the model call nor the other listeners. */
export function notifyCall(call: LlmCall): void {
  for (const listener of [...listeners]) guarded(() => listener(call), warn);
}

function warn(thrown: unknown): void {
  process.emitWarning(`A listener of LLM calls threw: ${failureOf(thrown).message}`, "RapidAIWarning");
}
