import { shown } from "../background/core/text.ts";
import type { Samples } from "./samples.ts";

/** The tags that identify a series within its metric. */
export type Tags = Readonly<Record<string, string>>;

/** A `counter` only grows, a `gauge` goes up and down; a `histogram` has fixed buckets, a `summary` percentiles. */
export type MetricKind = "counter" | "gauge" | "histogram" | "summary";

/** One combination of tag values. */
export interface Series<Value> {
  readonly tags: Tags;
  readonly value: Value;
}

/** A number that can be changed in place. */
export interface Cell {
  value: number;
}

/** Most series of one metric; values beyond them go to its overflow series. */
const MAX_SERIES = 500;
/** The value of every tag of an overflow series. */
export const OVERFLOW = "_overflow";
/** Names and values of tags are truncated to this many characters. */
const MAX_TAG_LENGTH = 128;
/** Most tags of a series; further ones are dropped. */
const MAX_TAGS = 10;

/** A metric and its series, created on first use: at most `MAX_SERIES`, and the overflow series. */
export class Metric<Value extends Cell | Samples> {
  readonly name: string;
  readonly kind: MetricKind;
  readonly help: string;
  readonly #make: () => Value;
  readonly #onOverflow: (metric: string) => void;
  readonly #isFull: () => boolean;
  readonly #series = new Map<string, Series<Value>>();
  #overflow: Series<Value> | undefined;

  /** @param isFull whether a limit shared with other metrics leaves no room for another series */
  constructor(
    name: string,
    kind: MetricKind,
    help: string,
    make: () => Value,
    onOverflow: (metric: string) => void = () => {},
    isFull: () => boolean = () => false,
  ) {
    this.name = name;
    this.kind = kind;
    this.help = help;
    this.#make = make;
    this.#onOverflow = onOverflow;
    this.#isFull = isFull;
  }

  /** The number of series, without the overflow series. */
  get size(): number {
    return this.#series.size;
  }

  get series(): readonly Series<Value>[] {
    const all = [...this.#series.values()];
    return this.#overflow === undefined ? all : [...all, this.#overflow];
  }

  /** The value of the series with these tags, or of the overflow series if there is no room for another one. */
  of(tags: Readonly<Record<string, unknown>>): Value {
    const bounded = boundedTags(tags);
    const key = JSON.stringify(bounded);
    const known = this.#series.get(key);
    if (known !== undefined) return known.value;
    // There is always room for a metric's first series: most metrics have only one.
    if (this.size >= MAX_SERIES || (this.size > 0 && this.#isFull())) return this.#overflowOf(bounded);
    const series = { tags: Object.freeze(Object.fromEntries(bounded)), value: this.#make() };
    this.#series.set(key, series);
    return series.value;
  }

  clear(): void {
    this.#series.clear();
    this.#overflow = undefined;
  }

  #overflowOf(tags: readonly (readonly [string, string])[]): Value {
    this.#onOverflow(this.name);
    this.#overflow ??= {
      tags: Object.freeze(Object.fromEntries(tags.map(([name]) => [name, OVERFLOW]))),
      value: this.#make(),
    };
    return this.#overflow.value;
  }
}

/** Sorted by name, so that the order in which tags are given makes no difference. */
function boundedTags(tags: Readonly<Record<string, unknown>>): (readonly [string, string])[] {
  return Object.entries(tags)
    .filter(([, value]) => value !== undefined)
    .slice(0, MAX_TAGS)
    .map(([name, value]) => [cut(name), cut(typeof value === "string" ? value : shown(value))] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function cut(text: string): string {
  return text.slice(0, MAX_TAG_LENGTH).toWellFormed();
}
