import { isError } from "./is-error.ts";
import { MAX_ERROR_BYTES } from "./limits.ts";
import { toPlain } from "./plain.ts";
import type { Failure, PastAttempt } from "./store.ts";
import { truncate } from "./text.ts";

/** How many errors a chain of causes is followed through. */
const MAX_CAUSES = 16;
const MAX_CODE_BYTES = 128;
const MAX_GATHERED = 8;

/** An error and what caused it, outermost first; bounded, and safe from chains that bite their tail. */
export function causesOf(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  let link = error;
  while (link !== undefined && link !== null && chain.length < MAX_CAUSES && !chain.includes(link)) {
    try {
      const isLast = !isError(link);
      chain.push(link);
      link = isLast ? undefined : (link as Error).cause;
    } catch {
      // A proxy or a getter that throws: what comes after it cannot be told.
      break;
    }
  }
  return chain;
}

/** What is kept of whatever a handler threw: name, code, message, and the stacks of it and its causes, each within bounds. */
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

/** A past attempt from what a store has of it; `null` for anything else, as a stranger may have written there. */
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

/** In one line what went wrong, also where the error itself says nothing of it: those that Node.js throws when nobody answers. */
function messageOf(error: Error): string {
  const message = saidBy(error);
  const cause = message === FETCH_FAILED ? causesOf(error).at(-1) : undefined;
  if (!isError(cause) || cause === error) return message;
  const why = saidBy(cause);
  return why === "" || why === message ? message : `${message}: ${why}`;
}

function saidBy(error: Error): string {
  return String(error.message) || errorsIn(error).map(safeTextOf).join("; ");
}

/** All that `fetch` says, whatever the reason: that is the cause. */
const FETCH_FAILED = "fetch failed";

/** What an AggregateError gathered, as of `Promise.any` and of a connection to several addresses: the first of them. */
function errorsIn(link: unknown): readonly unknown[] {
  try {
    const errors = isError(link) ? (link as Partial<AggregateError>).errors : undefined;
    return Array.isArray(errors) ? errors.slice(0, MAX_GATHERED) : [];
  } catch {
    // A field of that name may be anything's.
    return [];
  }
}

function stackOf(link: unknown): string {
  return isError(link) ? String(link.stack) : safeTextOf(link);
}

/** Of what only comes along: it must not take the rest with it. */
function safeTextOf(thrown: unknown): string {
  try {
    return textOf(thrown);
  } catch {
    return "(cannot be shown)";
  }
}

/** The outermost there is. */
function codeOf(error: Error): string | undefined {
  const codes = causesOf(error).map((link) => (link as { code?: unknown } | null)?.code);
  const code = codes.find((each) => typeof each === "string" && each !== "");
  return code === undefined ? undefined : truncate(code as string, MAX_CODE_BYTES);
}

function textOf(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return String(thrown);
  const { message } = thrown as { message?: unknown };
  if (typeof message === "string") return message;
  // As plain data, which is bounded: of lists that hold each other many times over the text would have no end.
  const text = JSON.stringify(toPlain(thrown)) ?? String(thrown);
  const kind = (thrown as object).constructor?.name;
  // A Response, say, of which JSON says nothing.
  return text === "{}" && kind !== undefined && kind !== "Object" ? `${kind} {}` : text;
}
