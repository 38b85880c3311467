/**
 * A value as JSON text, the form in which many values at once cross between threads: to clone a hundred objects costs
 * both threads twice as much as their JSON, some of which SQLite itself reads and writes.
 */
export type JsonText<T> = string & { readonly of: T };

export function toJson<T>(value: T): JsonText<T> {
  return JSON.stringify(value) as JsonText<T>;
}

/** Joins the JSON of items into that of an array. */
export function jsonList<T>(texts: readonly JsonText<T>[]): JsonText<T[]> {
  return `[${texts.join(",")}]` as JsonText<T[]>;
}

export function fromJson<T>(text: JsonText<T>): T {
  return JSON.parse(text) as T;
}
