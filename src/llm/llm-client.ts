/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** Options of one model call. */
export interface CallOptions {
  /** Ends the call when aborted. Inside a job, the job's own signal does so too. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The interface that `LLM` and `MockLLM` share. Take it as a parameter type so that tests can pass a `MockLLM`.
 *
 * @example
 * ```ts
 * export async function summarize(llm: LLMClient, text: string) {
 *   return llm.complete(`Summarize in two sentences:\n\n${text}`);
 * }
 * ```
 */
export interface LLMClient {
  /** The model's name. */
  readonly model: string;
  /** The answer to a prompt. */
  complete(prompt: string, options?: CallOptions): Promise<string>;
  /** The answer in pieces, as they arrive. */
  stream(prompt: string | readonly ChatMessage[], options?: CallOptions): AsyncIterable<string>;
  /** The next turn of a conversation. */
  chat(messages: readonly ChatMessage[], options?: CallOptions): Promise<string>;
  /** A vector for each text, in order. */
  embed(texts: readonly string[], options?: CallOptions): Promise<number[][]>;
}
