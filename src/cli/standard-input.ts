import { DEFAULT_LIMITS } from "../background/core/limits.ts";
import { UsageError } from "./exit-code.ts";

/** White space and escapes take more room than what they stand for, but not so much more. */
const MAX_BYTES = 16 * DEFAULT_LIMITS.payload;

/**
 * All of an input that a payload is in, as text.
 *
 * @throws UsageError when it is longer than any payload, or not UTF-8
 */
export async function readInput(input: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input) {
    size += chunk.length;
    if (size > MAX_BYTES) {
      throw new UsageError(`Standard input has more than ${MAX_BYTES} bytes, which is more than any payload may have.`);
    }
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    // Another character in place of one that cannot be read would be another payload.
    throw new UsageError("Standard input is not valid UTF-8.");
  }
}
