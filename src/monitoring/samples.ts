/** How many of the latest values are kept for percentiles. */
const KEPT = 256;
/** A sequence number across all series: timestamps could be equal. */
let added = 0;

/** Statistics of a series of values. */
export interface Distribution {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** The latest value. */
  readonly last: number;
  /** Percentiles are of the latest 256 values, by the nearest-rank method. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Collects values in bounded memory: totals, counts per bucket, and the latest values for percentiles. */
export class Samples {
  readonly bounds: readonly number[];
  /** Number of values up to each bound and above the previous one; the last is for values above all bounds. */
  readonly buckets: number[];
  count = 0;
  sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #last = Number.NaN;
  /** The sequence number of the latest value. */
  #lastAt = 0;
  readonly #newest: number[] = [];

  /** @param bounds upper bounds of the buckets, ascending */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.buckets = new Array<number>(bounds.length + 1).fill(0);
  }

  add(value: number): void {
    this.#newest[this.count % KEPT] = value;
    this.#last = value;
    this.#lastAt = ++added;
    this.count++;
    this.sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket++;
    (this.buckets[bucket] as number)++;
  }

  /** @param shares from 0 to 1 */
  quantiles(shares: readonly number[]): number[] {
    // A typed array sorts several times faster than an array, and a scrape may need thousands of series.
    const sorted = Float64Array.from(this.#newest).sort();
    return shares.map((share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN);
  }

  /** `null` before the first value. */
  describe(): Distribution | null {
    if (this.count === 0) return null;
    const [p50, p95, p99] = this.quantiles([0.5, 0.95, 0.99]) as [number, number, number];
    return { count: this.count, sum: this.sum, min: this.#min, max: this.#max, last: this.#last, p50, p95, p99 };
  }

  /** Combines several into one. Its percentiles are of the latest values that each has kept. */
  static merge(all: readonly Samples[]): Samples {
    const merged = new Samples(all[0]?.bounds ?? []);
    for (const samples of all) {
      for (const value of samples.#newest) merged.#newest.push(value);
      for (const [bucket, count] of samples.buckets.entries()) {
        merged.buckets[bucket] = (merged.buckets[bucket] ?? 0) + count;
      }
      merged.count += samples.count;
      merged.sum += samples.sum;
      merged.#min = Math.min(merged.#min, samples.#min);
      merged.#max = Math.max(merged.#max, samples.#max);
      if (samples.#lastAt > merged.#lastAt) {
        merged.#last = samples.#last;
        merged.#lastAt = samples.#lastAt;
      }
    }
    return merged;
  }
}
