/**
 * Vectors in the order of their texts. Servers number them, and may list them in another order: the AI SDK does not look.
 *
 * @param bodies the answers that had them, as they came
 */
export function inOrder(vectors: readonly number[][], bodies: readonly unknown[]): number[][] {
  const places: unknown[] = [];
  for (const body of bodies) {
    const first = places.length;
    places.push(...indicesIn(body).map((index) => first + Number(index)));
  }
  const isAt = new Map(places.map((place, at) => [place, at]));
  const ordered = vectors.map((_, place) => vectors[isAt.get(place) ?? vectors.length]);
  // Some number nothing, or all alike: they list them as they were asked for.
  return ordered.every((vector) => vector !== undefined) ? ordered : [...vectors];
}

function indicesIn(body: unknown): readonly unknown[] {
  const { data } = (body ?? {}) as { readonly data?: unknown };
  return Array.isArray(data) ? data.map((item) => item?.index) : [];
}
