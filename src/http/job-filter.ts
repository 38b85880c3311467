import { firstIdAt, lowestBound } from "../background/core/id-time.ts";
import { MAX_PAGE } from "../background/core/limits.ts";
import { isJobId } from "../background/core/names.ts";
import { type JobStatus, parseJobStatus } from "../background/core/status.ts";
import { invalidRequest } from "./http-error.ts";
import { parseInstant } from "./time-bounds.ts";

/** Selects the jobs that a request is about. */
export interface JobSelection {
  readonly status: JobStatus | undefined;
  readonly task: string | undefined;
  /** Only ids less than this one: the cursor, or the end of a time range. */
  readonly before: string | undefined;
  /** Only ids not less than this one: the start of a time range. */
  readonly from: string | undefined;
  /** In lower case. */
  readonly search: string | undefined;
  readonly limit: number;
}

const NAMES = ["status", "task", "before", "limit", "from", "to", "search"];
const MAX_SEARCH = 200;
const DEFAULT_LIMIT = 100;

/**
 * Parses a selection from a query or body. Empty values, as sent by forms, filter nothing.
 *
 * @param more further names to accept, for the caller's own use
 * @throws HttpError 400; JobError `invalid_status`
 */
export function parseSelection(given: ReadonlyMap<string, unknown>, more: readonly string[] = []): JobSelection {
  const unknown = [...given.keys()].find((name) => !NAMES.includes(name) && !more.includes(name));
  if (unknown !== undefined) {
    const known = [...NAMES, ...more].join(", ");
    throw invalidRequest(`Unknown filter ${JSON.stringify(unknown.slice(0, 40))}: use ${known}.`);
  }
  const read = (name: string) => {
    const value = given.get(name);
    return value === "" || value === null ? undefined : value;
  };
  const status = read("status");
  const from = read("from");
  const to = read("to");
  const end = to === undefined ? undefined : firstIdAt(parseInstant(to, "to"));
  return {
    status: status === undefined ? undefined : parseJobStatus(status),
    task: textOf(read("task"), "task", 128),
    before: lowestBound(cursorOf(read("before")), end),
    from: from === undefined ? undefined : firstIdAt(parseInstant(from, "from")),
    search: textOf(read("search"), "search", MAX_SEARCH)?.toLowerCase(),
    limit: limitOf(read("limit")),
  };
}

/** Whether it selects all jobs. */
export function isUnfiltered({ status, task, from, before, search }: JobSelection): boolean {
  return [status, task, from, before, search].every((each) => each === undefined);
}

/**
 * The parameters of a query.
 *
 * @throws HttpError 400 if one is repeated: all but one of its values would be ignored
 */
export function queryOf(request: Request): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const [name, value] of new URL(request.url).searchParams) {
    if (query.has(name)) {
      throw invalidRequest(
        `The query has ${JSON.stringify(name.slice(0, 40))} more than once: send a request for each value.`,
      );
    }
    query.set(name, value);
  }
  return query;
}

function cursorOf(value: unknown): string | undefined {
  if (value === undefined || isJobId(value)) return value;
  throw invalidRequest("The before is not a job id: use the next of the previous page.");
}

function textOf(value: unknown, name: string, longest: number): string | undefined {
  if (value === undefined || (typeof value === "string" && value.length <= longest)) return value;
  throw invalidRequest(`The ${name} must be a string of at most ${longest} characters.`);
}

function limitOf(value: unknown): number {
  if (value === undefined) return DEFAULT_LIMIT;
  const limit = typeof value === "string" && /^\d{1,4}$/.test(value) ? Number(value) : value;
  if (typeof limit === "number" && Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE) return limit;
  throw invalidRequest(`The limit must be a whole number from 1 to ${MAX_PAGE}.`);
}
