import { TrieRouter } from "hono/router/trie-router";
import { JobError } from "../background/core/errors.ts";
import type { Segment } from "./route-path.ts";

/** Where a request leads: to an endpoint, to a path that has other methods only, or nowhere. */
export type Found<E> =
  | {
      readonly endpoint: E;
      readonly params: readonly (readonly [name: string, value: string])[];
      /** Segments before the first parameter. */
      readonly plain: number;
    }
  | { readonly allowed: readonly string[] }
  | null;

interface Entry<E> {
  readonly endpoint: E;
  readonly segments: readonly Segment[];
}

/** All routes of the same shape: they differ in method, and maybe in how they call their parameters. */
interface Place<E> {
  /** A text that sorts before those of less specific places. */
  readonly rank: string;
  readonly entries: Map<string, Entry<E>>;
}

/** Finds the endpoint of a request. Where two paths fit, plain text goes before a parameter, in whichever order they came. */
export class Router<E> {
  readonly #trie: TrieRouter<Place<E>> = new TrieRouter();
  readonly #places: Map<string, Place<E>> = new Map();

  /** @throws JobError `invalid_option` when there is such a route already */
  add(method: string, segments: readonly Segment[], endpoint: E): void {
    const place = this.#placeOf(segments);
    if (place.entries.has(method)) {
      const path = `/${segments.map(({ text, isParam }) => (isParam ? `:${text}` : text)).join("/")}`;
      throw new JobError(
        "invalid_option",
        `There already is a route for ${method} ${path}: it would never be reached. Give it another path or method.`,
      );
    }
    place.entries.set(method, { endpoint, segments });
  }

  /** @param segments of the request's path, decoded */
  find(method: string, segments: readonly string[]): Found<E> {
    const [matches] = this.#trie.match("GET", toPattern(segments));
    const places = matches.map(([place]) => place as Place<E>).sort((a, b) => (a.rank < b.rank ? -1 : 1));
    if (places.length === 0) return null;
    const entry = places.map(({ entries }) => entries.get(method)).find((found) => found !== undefined);
    if (entry === undefined) return { allowed: [...new Set(places.flatMap(({ entries }) => [...entries.keys()]))] };
    const params = entry.segments.flatMap(({ text, isParam }, i) =>
      isParam ? [[text, segments[i] ?? ""] as const] : [],
    );
    const firstParam = entry.segments.findIndex(({ isParam }) => isParam);
    return { endpoint: entry.endpoint, params, plain: firstParam === -1 ? entry.segments.length : firstParam };
  }

  #placeOf(segments: readonly Segment[]): Place<E> {
    const pattern = toPattern(segments);
    const known = this.#places.get(pattern);
    if (known !== undefined) return known;
    const place: Place<E> = { rank: segments.map(({ isParam }) => Number(isParam)).join(""), entries: new Map() };
    this.#places.set(pattern, place);
    this.#trie.add("ALL", pattern, place);
    return place;
  }
}

/** Encoded, no text can be taken for a parameter, and parameters are told apart by where they stand. */
function toPattern(segments: readonly (Segment | string)[]): string {
  return `/${segments.map(encode).join("/")}`;
}

function encode(segment: Segment | string): string {
  if (typeof segment === "string") return encodeURIComponent(segment);
  return segment.isParam ? ":p" : encodeURIComponent(segment.text);
}
