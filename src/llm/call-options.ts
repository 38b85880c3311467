import { permanentFault } from "../background/core/endings.ts";
import { checkOptions, checkSignal } from "../background/core/options.ts";
import type { CallOptions } from "./llm-client.ts";

/**
 * Checks the options of one call. Those of the LLM itself, such as `maxTokens`, would silently have no effect here.
 *
 * @throws JobError `invalid_option`, permanent
 */
export function checkCallOptions(options: CallOptions): void {
  try {
    checkOptions(options, ["signal"], "options of a call of an LLM");
    if (options.signal !== undefined) checkSignal(options.signal, "signal of a call of an LLM");
  } catch (error) {
    throw permanentFault("invalid_option", (error as Error).message);
  }
}
