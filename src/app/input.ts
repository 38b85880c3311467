import type { StandardSchemaV1 } from "@standard-schema/spec";
import { truncate } from "../background/core/text.ts";
import type { Body } from "./body.ts";
import { type Issue, invalidInput } from "./refusal.ts";
import type { PathParams } from "./route-path.ts";
import { parseUrlEncoded } from "./url-encoded.ts";

/**
 * A handler's input: path parameters, query and JSON body merged (the former override the latter), or the schema's
 * output for them. Path parameters that the schema's output lacks are added to it.
 *
 * @example
 * ```ts
 * type Input = RouteInput<"/jobs/:jobId", undefined>; // { readonly jobId: string }, and whatever else the client sent
 * ```
 */
export type RouteInput<P extends string, S> = S extends undefined
  ? UncheckedInput<P>
  : // Only now: without strict null checks, undefined would fit a schema.
    S extends StandardSchemaV1
    ? Omit<PathParams<P>, keyof StandardSchemaV1.InferOutput<S>> & StandardSchemaV1.InferOutput<S>
    : UncheckedInput<P>;

type UncheckedInput<P extends string> = PathParams<P> & { readonly [key: string]: unknown };

/** The parts of a request that its input is merged from. */
export interface Parts {
  /** Names of the route's path parameters: query and body cannot set them, not even an optional one that is absent. */
  readonly paramNames: readonly string[];
  readonly params: readonly (readonly [name: string, value: string])[];
  /** With the leading question mark, unless it is empty. */
  readonly query: string;
  readonly body: Body;
}

/** How many issues a response lists; a body may have thousands. */
const MAX_ISSUES = 20;
const MAX_PATH = 20;
const MAX_TEXT = 512;

/**
 * Merges the parts of a request into a handler's input.
 *
 * @throws Refusal if the request does not fit the schema; whatever the schema itself throws
 */
export async function inputOf(parts: Parts, schema: StandardSchemaV1 | undefined): Promise<unknown> {
  const others = [...parts.body.values, ...parseQuery(parts.query)].filter(
    ([name]) => !parts.paramNames.includes(name),
  );
  // `fromEntries` makes `__proto__` a key like any other.
  const merged = Object.fromEntries([...others, ...parts.params]);
  if (schema === undefined) return merged;
  const checked = await validate(schema, merged);
  if (checked.issues !== undefined) throw schemaRefusal(checked.issues, parts.body.unreadType);
  return withParams(checked.value, parts.params);
}

async function validate(schema: StandardSchemaV1, merged: unknown): Promise<StandardSchemaV1.Result<unknown>> {
  try {
    return await schema["~standard"].validate(merged);
  } catch (error) {
    // A recursive schema calls itself for each level, and a few kilobytes of brackets overflow any stack.
    if (error instanceof RangeError && error.message.includes("call stack")) {
      throw invalidInput("The request is nested too deeply to be checked.");
    }
    throw error;
  }
}

function parseQuery(query: string): ReadonlyMap<string, unknown> {
  try {
    return parseUrlEncoded(query.slice(1));
  } catch {
    throw invalidInput("The percent-encoding in the query is not valid.");
  }
}

function withParams(output: unknown, params: Parts["params"]): unknown {
  if (!isPlainObject(output)) return output;
  const missing = params.filter(([name]) => !Object.hasOwn(output, name));
  return missing.length === 0 ? output : Object.fromEntries([...Object.entries(output), ...missing]);
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function schemaRefusal(issues: readonly StandardSchemaV1.Issue[], unreadType: string | null): Error {
  const shown = issues.slice(0, MAX_ISSUES).map(toIssue);
  const first = shown
    .slice(0, 3)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`));
  const more = issues.length > 3 ? `; and ${issues.length - 3} more` : "";
  // Otherwise nothing would explain why every value of the body is missing.
  const unread =
    unreadType === null
      ? ""
      : ` The body was not read because its content type is ${unreadType.slice(0, 80)}: send JSON as application/json.`;
  return invalidInput(`The request is not valid: ${first.join("; ")}${more}.${unread}`, shown);
}

function toIssue({ message, path = [] }: StandardSchemaV1.Issue): Issue {
  const keys = path.slice(0, MAX_PATH).map((part) => (typeof part === "object" ? part.key : part));
  return {
    path: keys.map((key) => (typeof key === "number" ? key : truncate(String(key), MAX_TEXT))),
    message: truncate(message, MAX_TEXT),
  };
}
