/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** What goes with one call. */
export interface CallOptions {
  /** Ends the call when aborted, beside the signal of the job at hand. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What `LLM` does, and `MockLLM` in its place: the type to ask for where either will do.
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
  /** The answer in pieces, as they come. */
  stream(prompt: string | readonly ChatMessage[], options?: CallOptions): AsyncIterable<string>;
  /** The next turn of a conversation. */
  chat(messages: readonly ChatMessage[], options?: CallOptions): Promise<string>;
  /** A vector for each text, in order. */
  embed(texts: readonly string[], options?: CallOptions): Promise<number[][]>;
}
