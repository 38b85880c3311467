/** A query's vector, and a sparse form if few of its numbers are not zero, as in most lexical queries. */
export interface Query {
  /** As doubles, in which JavaScript computes: this saves converting one of the two factors each time. */
  readonly vector: Float64Array;
  readonly sparse: Sparse | null;
}

interface Sparse {
  readonly indexes: Int32Array;
  readonly values: Float64Array;
}

/** Prepares a query's vector for many comparisons. */
export function queryOf(given: Float32Array): Query {
  const vector = Float64Array.from(given);
  const indexes = Int32Array.from(vector.keys()).filter((index) => vector[index] !== 0);
  if (indexes.length > vector.length / 4) return { vector, sparse: null };
  return { vector, sparse: { indexes, values: Float64Array.from(indexes, (index) => vector[index] as number) } };
}

/** Keeps the best of the rows offered: highest score first, equal scores in the order in which they were offered. */
export class Nearest<T> {
  readonly found: { readonly score: number; readonly of: T; readonly row: number }[] = [];
  readonly #count: number;
  /** The score that a row has to exceed to be kept. */
  floor: number = Number.NEGATIVE_INFINITY;

  constructor(count: number) {
    this.#count = count;
  }

  offer(score: number, of: T, row: number): void {
    let at = this.found.length;
    while (at > 0 && (this.found[at - 1]?.score ?? 0) < score) at--;
    this.found.splice(at, 0, { score, of, row });
    if (this.found.length > this.#count) this.found.pop();
    if (this.found.length === this.#count) this.floor = this.found[this.#count - 1]?.score ?? this.floor;
  }
}

/**
 * Compares a query with the vectors in rows `from` (inclusive) to `to` (exclusive) by their dot product, which is the
 * cosine since all have length 1. The search is exact: it compares every row.
 */
export function scan<T>(
  vectors: Float32Array,
  from: number,
  to: number,
  { vector, sparse }: Query,
  nearest: Nearest<T>,
  of: T,
): void {
  const size = vector.length;
  for (let row = from; row < to; row++) {
    const offset = row * size;
    const score = sparse === null ? dot(vectors, offset, vector) : sparseDot(vectors, offset, sparse);
    if (score > nearest.floor) nearest.offer(score, of, row);
  }
}

/** Uses four independent sums, so that an addition need not wait for the previous one. */
function dot(vectors: Float32Array, offset: number, query: Float64Array): number {
  const size = query.length;
  const even = size - (size % 4);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let index = 0; index < even; index += 4) {
    const at = offset + index;
    a += (vectors[at] as number) * (query[index] as number);
    b += (vectors[at + 1] as number) * (query[index + 1] as number);
    c += (vectors[at + 2] as number) * (query[index + 2] as number);
    d += (vectors[at + 3] as number) * (query[index + 3] as number);
  }
  for (let index = even; index < size; index++) a += (vectors[offset + index] as number) * (query[index] as number);
  return a + b + c + d;
}

function sparseDot(vectors: Float32Array, offset: number, { indexes, values }: Sparse): number {
  const even = indexes.length & ~1;
  let a = 0;
  let b = 0;
  for (let index = 0; index < even; index += 2) {
    a += (vectors[offset + (indexes[index] as number)] as number) * (values[index] as number);
    b += (vectors[offset + (indexes[index + 1] as number)] as number) * (values[index + 1] as number);
  }
  if (even < indexes.length) a += (vectors[offset + (indexes[even] as number)] as number) * (values[even] as number);
  return a + b;
}
