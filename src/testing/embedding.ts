/**
 * A vector of length 1 that counts words: each is hashed to one of the dimensions (FNV-1a, as in
 * https://datatracker.ietf.org/doc/html/draft-eastlake-fnv). The same text gives the same vector everywhere, and texts
 * that share words are close to one another.
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
