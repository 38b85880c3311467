import { JobError } from "../background/core/errors.ts";
import { shown } from "../background/core/text.ts";

/** A value that metadata can be compared with. */
export type MetadataValue = string | number | boolean | null;

/**
 * A condition on the metadata of documents: for each name, the value has to be equal to the given one, or to one of a list.
 * Names are those of the metadata given with a document, and `source`, `type` and `title`. A document without a name, or
 * with an array or object there, does not match; an empty list matches nothing.
 *
 * @example
 * ```ts
 * const filter: MetadataFilter = { customer: "acme", language: ["en", "fr"] };
 * ```
 */
export type MetadataFilter = Readonly<Record<string, MetadataValue | readonly MetadataValue[]>>;

/** A validated filter, as stores receive it: for each name, the values of which a document has to have one. */
export type CheckedFilter = Readonly<Record<string, readonly MetadataValue[]>>;

/** Metadata in which the chunks of one document differ. */
const OF_CHUNKS = ["index", "offset", "line", "page", "heading"];

/**
 * Validates and copies a filter. An invalid part is refused, not ignored, since without it more documents would match.
 *
 * @throws JobError `invalid_option`
 */
export function checkedFilter(given: unknown, what: string): CheckedFilter {
  const wrong = (has: string, hint: string) => new JobError("invalid_option", `The ${what} ${has}: ${hint}.`);
  const example = 'use names and values, such as { customer: "acme" }';
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw wrong(`is ${shown(given)}`, example);
  const entries = Object.entries(given).map(([name, value]: [string, unknown]) => {
    if (OF_CHUNKS.includes(name)) {
      throw wrong(`names ${name}, which belongs to a chunk`, "use metadata of the document");
    }
    const values: readonly unknown[] = Array.isArray(value) ? [...value] : [value];
    if (values.every(isValue)) return [name, values] as const;
    const has = `has ${shown(values.find((each) => !isValue(each)))} as ${shown(name)}`;
    throw wrong(has, "use a string, a finite number, true, false or null, or an array of those");
  });
  if (entries.length === 0) throw wrong("is empty", example);
  return Object.fromEntries(entries);
}

/** Compiles a filter to a predicate on a document's metadata. */
export function matcherOf(filter: CheckedFilter): (metadata: Readonly<Record<string, unknown>>) => boolean {
  const conditions = Object.entries(filter).map(([name, values]) => ({ name, values: new Set<unknown>(values) }));
  return (metadata) =>
    conditions.every(({ name, values }) => Object.hasOwn(metadata, name) && values.has(metadata[name]));
}

function isValue(value: unknown): value is MetadataValue {
  return value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}
