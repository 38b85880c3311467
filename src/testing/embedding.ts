/**
 * A vector of length 1 made of word counts, where each word is hashed to a dimension (FNV-1a, as in
 * https://datatracker.ietf.org/doc/html/draft-eastlake-fnv). The same text always gives the same vector, and texts that
 * share words have similar ones.
 */
export function embeddingOf(text: string, dimensions: number): number[] {
  const vector = new Array<number>(dimensions).fill(0);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [""]) {
    const at = hash(word) % dimensions;
    vector[at] = (vector[at] as number) + 1;
  }
  const length = Math.hypot(...vector);
  return vector.map((count) => count / length);
}

function hash(word: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(word)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}
