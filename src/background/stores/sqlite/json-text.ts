/**
 * A value as JSON text. What crosses between threads in great numbers crosses as text: a copy of a hundred objects costs
 * both threads twice what their JSON does, and SQLite reads and writes some of it itself.
 */
export type JsonText<T> = string & { readonly of: T };

export function toJson<T>(value: T): JsonText<T> {
  return JSON.stringify(value) as JsonText<T>;
}

/** A list as JSON, of the JSON of what it holds. */
export function jsonList<T>(texts: readonly JsonText<T>[]): JsonText<T[]> {
  return `[${texts.join(",")}]` as JsonText<T[]>;
}

export function fromJson<T>(text: JsonText<T>): T {
  return JSON.parse(text) as T;
}
