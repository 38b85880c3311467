const MAX_TEXTS = 2_048;
/** OpenAI refuses a call with more than 300,000 tokens. How many a text has is unknown, but no more than bytes. */
const MAX_BYTES = 300_000;

/** The texts for the next embedding call, from `from` on: as many as a call may have, at least one. */
export function batchFrom(texts: readonly string[], from: number): readonly string[] {
  let bytes = 0;
  let to = from;
  while (to < texts.length && to - from < MAX_TEXTS) {
    bytes += Buffer.byteLength(texts[to] as string);
    if (bytes > MAX_BYTES && to > from) break;
    to++;
  }
  return texts.slice(from, to);
}
