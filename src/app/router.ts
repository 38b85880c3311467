import { TrieRouter } from "hono/router/trie-router";
import { JobError } from "../background/core/errors.ts";
import type { Segment } from "./route-path.ts";

/** The result of a look-up: an endpoint, the methods allowed if the path exists with other methods only, or `null`. */
export type Found<E> =
  | {
      readonly endpoint: E;
      readonly params: readonly (readonly [name: string, value: string])[];
      /** How many segments precede the first parameter. */
      readonly literalPrefix: number;
    }
  | { readonly allowed: readonly string[] }
  | null;

interface Entry<E> {
  readonly endpoint: E;
  readonly segments: readonly Segment[];
}

/** The routes of one pattern: they differ in method, and possibly in the names of their parameters. */
interface Pattern<E> {
  /** One digit a segment, 0 for a literal and 1 for a parameter, so that more specific patterns sort first. */
  readonly rank: string;
  /** By method. */
  readonly entries: Map<string, Entry<E>>;
}

/** Finds a request's endpoint. Literal segments take precedence over parameters, whatever the order of registration. */
export class Router<E> {
  readonly #trie: TrieRouter<Pattern<E>> = new TrieRouter();
  readonly #patterns: Map<string, Pattern<E>> = new Map();

  /** @throws JobError `invalid_option` when the route exists already */
  add(method: string, segments: readonly Segment[], endpoint: E): void {
    const { entries } = this.#patternOf(segments);
    if (entries.has(method)) {
      const path = `/${segments.map(({ text, isParam }) => (isParam ? `:${text}` : text)).join("/")}`;
      throw new JobError(
        "invalid_option",
        `A route for ${method} ${path} already exists, so this one would never be reached: use another path or method.`,
      );
    }
    entries.set(method, { endpoint, segments });
  }

  /** @param segments the decoded segments of the request's path */
  find(method: string, segments: readonly string[]): Found<E> {
    const [matches] = this.#trie.match("GET", toTriePath(segments));
    const patterns = matches.map(([pattern]) => pattern as Pattern<E>).sort((a, b) => (a.rank < b.rank ? -1 : 1));
    if (patterns.length === 0) return null;
    const entry = patterns.map(({ entries }) => entries.get(method)).find((found) => found !== undefined);
    if (entry === undefined) return { allowed: [...new Set(patterns.flatMap(({ entries }) => [...entries.keys()]))] };
    const params = entry.segments.flatMap(({ text, isParam }, i) =>
      isParam ? [[text, segments[i] ?? ""] as const] : [],
    );
    const firstParam = entry.segments.findIndex(({ isParam }) => isParam);
    return { endpoint: entry.endpoint, params, literalPrefix: firstParam === -1 ? entry.segments.length : firstParam };
  }

  #patternOf(segments: readonly Segment[]): Pattern<E> {
    const path = toTriePath(segments);
    const known = this.#patterns.get(path);
    if (known !== undefined) return known;
    const pattern: Pattern<E> = { rank: segments.map(({ isParam }) => Number(isParam)).join(""), entries: new Map() };
    this.#patterns.set(path, pattern);
    this.#trie.add("ALL", path, pattern);
    return pattern;
  }
}

/** Encodes literals so that none can pass for a parameter. All parameters get the same name: only their position counts. */
function toTriePath(segments: readonly (Segment | string)[]): string {
  return `/${segments.map(encode).join("/")}`;
}

function encode(segment: Segment | string): string {
  if (typeof segment === "string") return encodeURIComponent(segment);
  return segment.isParam ? ":p" : encodeURIComponent(segment.text);
}
