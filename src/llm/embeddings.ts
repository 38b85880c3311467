/**
 * Puts vectors into the order of their texts. Servers number the vectors and may list them in any order, which the AI
 * SDK ignores.
 *
 * @param bodies the raw response bodies that contained the vectors, in order
 */
export function inOrder(vectors: readonly number[][], bodies: readonly unknown[]): number[][] {
  const indices: number[] = [];
  for (const body of bodies) {
    const first = indices.length;
    indices.push(...indicesIn(body).map((index) => first + Number(index)));
  }
  const positions = new Map(indices.map((index, position) => [index, position]));
  const ordered = vectors.map((_, index) => vectors[positions.get(index) ?? vectors.length]);
  // Some servers send no indices, or the same one for all: those keep the order of the texts.
  return ordered.every((vector) => vector !== undefined) ? ordered : [...vectors];
}

function indicesIn(body: unknown): readonly unknown[] {
  const { data } = (body ?? {}) as { readonly data?: unknown };
  return Array.isArray(data) ? data.map((item) => item?.index) : [];
}
