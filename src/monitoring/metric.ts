import { shown } from "../background/core/text.ts";
import type { Samples } from "./samples.ts";

/** Tags of a series: what tells it from others of its metric. */
export type Tags = Readonly<Record<string, string>>;

/** `counter` only grows, `gauge` goes up and down, both one number; `histogram` has fixed buckets, `summary` percentiles. */
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

/** Series of one metric beyond this many are put together. */
const MAX_SERIES = 500;
/** What all tags of the series are that stands for those there was no room for. */
export const OVERFLOW = "_overflow";
/** A tag's value is cut to this many characters. */
const MAX_TAG_VALUE = 128;
/** Tags that a series has, the first of those given. */
const MAX_TAGS = 10;

/** One metric: its series, made when they are first written to, at most {@link MAX_SERIES} and one for the rest. */
export class Metric<Value extends Cell | Samples> {
  readonly name: string;
  readonly kind: MetricKind;
  readonly help: string;
  readonly #make: () => Value;
  readonly #onOverflow: (metric: string) => void;
  readonly #isFull: () => boolean;
  readonly #series = new Map<string, Series<Value>>();
  #overflow: Series<Value> | undefined;

  /** @param isFull there is no room for a further series of this metric, though it has few */
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

  /** Series so far, without the one for the rest. */
  get size(): number {
    return this.#series.size;
  }

  get series(): readonly Series<Value>[] {
    const all = [...this.#series.values()];
    return this.#overflow === undefined ? all : [...all, this.#overflow];
  }

  /** The series of these tags, or the one for all that there is no room for. */
  of(tags: Readonly<Record<string, unknown>>): Value {
    const bounded = boundedTags(tags);
    const key = JSON.stringify(bounded);
    const known = this.#series.get(key);
    if (known !== undefined) return known.value;
    // The first one always has room: most metrics have no other.
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

/** In the order of their names, so that the order they are given in makes no difference. */
function boundedTags(tags: Readonly<Record<string, unknown>>): (readonly [string, string])[] {
  return Object.entries(tags)
    .filter(([, value]) => value !== undefined)
    .slice(0, MAX_TAGS)
    .map(([name, value]) => [cut(name), cut(typeof value === "string" ? value : shown(value))] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function cut(text: string): string {
  return text.slice(0, MAX_TAG_VALUE).toWellFormed();
}
