import { DEFAULT_LIMITS } from "../background/core/limits.ts";
import { UsageError } from "./exit-code.ts";

/** With white space and escapes, a payload's JSON may be longer than its stored form, but not by this much. */
const MAX_BYTES = 16 * DEFAULT_LIMITS.payload;

/**
 * Reads a payload from an input, as text.
 *
 * @throws UsageError when it is longer than any payload may be, or not UTF-8
 */
export async function readInput(input: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input) {
    size += chunk.length;
    if (size > MAX_BYTES) {
      throw new UsageError(
        `Standard input is longer than ${MAX_BYTES} bytes, which is more than any payload may have.`,
      );
    }
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    // Replacement characters would silently change the payload.
    throw new UsageError("Standard input is not valid UTF-8.");
  }
}
