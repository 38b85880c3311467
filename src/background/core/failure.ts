import { isError } from "./is-error.ts";
import { MAX_ERROR_BYTES } from "./limits.ts";
import { toPlain } from "./plain.ts";
import type { Failure, PastAttempt } from "./store.ts";
import { truncate } from "./text.ts";

/** Most errors of a chain of causes to follow. */
const MAX_CAUSES = 16;
const MAX_CODE_BYTES = 128;
const MAX_GATHERED = 8;

/** An error and its causes, outermost first; bounded, and safe from cycles. */
export function causesOf(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  let link = error;
  while (link !== undefined && link !== null && chain.length < MAX_CAUSES && !chain.includes(link)) {
    try {
      const isLast = !isError(link);
      chain.push(link);
      link = isLast ? undefined : (link as Error).cause;
    } catch {
      // A proxy or a getter threw: the rest of the chain cannot be read.
      break;
    }
  }
  return chain;
}

/** What is stored of anything thrown: name, code, message, and the stacks of it and its causes, each within bounds. */
export function failureOf(thrown: unknown): Failure {
  try {
    if (!isError(thrown)) return { name: "Error", message: truncate(textOf(thrown), MAX_ERROR_BYTES), stack: null };
    const stacks = causesOf(thrown).map((link) => [link, ...errorsIn(link)].map(stackOf).join("\none of: "));
    const name = truncate(String(thrown.name), 256);
    const code = codeOf(thrown);
    return {
      name,
      ...(code !== undefined && { code }),
      message: truncate(messageOf(thrown) || name, MAX_ERROR_BYTES),
      stack: truncate(stacks.join("\ncaused by: "), MAX_ERROR_BYTES),
    };
  } catch {
    // Getters and toString of a thrown object are the handler's code, and may throw themselves.
    return { name: "Error", message: "the handler threw an object that cannot be described", stack: null };
  }
}

/** Reads a past attempt from a store; `null` if it is invalid: another program may have written anything there. */
export function readPastAttempt(kept: unknown): PastAttempt | null {
  if (typeof kept !== "object" || kept === null) return null;
  const { name, code, message, stack, attempt, worker, startedAt, endedAt } = kept as Partial<
    Record<keyof PastAttempt, unknown>
  >;
  return {
    name: typeof name === "string" ? name : "Error",
    ...(typeof code === "string" && { code }),
    message: typeof message === "string" ? message : "",
    stack: typeof stack === "string" ? stack : null,
    attempt: Number(attempt) || 0,
    worker: typeof worker === "string" ? worker : "",
    startedAt: Number(startedAt) || 0,
    endedAt: Number(endedAt) || 0,
  };
}

/**
 * What went wrong, in one line, also for errors of failed connections, to which Node.js gives an empty message. What
 * getters of a thrown object throw is thrown here too: see {@link failureOf}.
 */
export function messageOf(thrown: unknown): string {
  if (!isError(thrown)) return textOf(thrown);
  const message = ownMessageOf(thrown);
  const cause = message === FETCH_FAILED ? causesOf(thrown).at(-1) : undefined;
  if (!isError(cause)) return message;
  const why = ownMessageOf(cause);
  return why === "" || why === message ? message : `${message}: ${why}`;
}

function ownMessageOf(error: Error): string {
  return String(error.message) || errorsIn(error).map(safeTextOf).join("; ");
}

/** The message of every network error of `fetch`, which has the reason as its cause. */
const FETCH_FAILED = "fetch failed";

/** The first errors in an AggregateError, as from `Promise.any` or a connection attempt to several addresses. */
function errorsIn(link: unknown): readonly unknown[] {
  try {
    const errors = isError(link) ? (link as Partial<AggregateError>).errors : undefined;
    return Array.isArray(errors) ? errors.slice(0, MAX_GATHERED) : [];
  } catch {
    // `errors` may be a getter of any error.
    return [];
  }
}

function stackOf(link: unknown): string {
  return isError(link) ? String(link.stack) : safeTextOf(link);
}

/** For causes and gathered errors: one that cannot be shown must not hide the others. */
function safeTextOf(thrown: unknown): string {
  try {
    return textOf(thrown);
  } catch {
    return "(cannot be shown)";
  }
}

/** The code of the error or of its outermost cause with one. */
function codeOf(error: Error): string | undefined {
  const codes = causesOf(error).map((link) => (link as { code?: unknown } | null)?.code);
  const code = codes.find((each) => typeof each === "string" && each !== "");
  return code === undefined ? undefined : truncate(code as string, MAX_CODE_BYTES);
}

function textOf(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return String(thrown);
  const { message } = thrown as { message?: unknown };
  if (typeof message === "string") return message;
  // As plain data, which is bounded: the text of arrays that contain each other many times over would have no end.
  const text = JSON.stringify(toPlain(thrown)) ?? String(thrown);
  const kind = (thrown as object).constructor?.name;
  // A Response, say, of which JSON shows nothing.
  return text === "{}" && kind !== undefined && kind !== "Object" ? `${kind} {}` : text;
}
