import { PermanentError, RetryAfterError } from "../background/core/endings.ts";
import { JobError } from "../background/core/errors.ts";
import { causesOf, messageOf } from "../background/core/failure.ts";
import { truncate } from "../background/core/text.ts";
import { resetMs, retryAfterMs } from "./retry-after.ts";

/** The model that was called, for error messages. */
export interface Target {
  readonly model: string;
  /** Where its API key comes from: `"ANTHROPIC_API_KEY"`. */
  readonly keySource: string;
}

/** An error of the AI SDK about an HTTP call; without a status code if there was no response. */
interface CallError extends Error {
  readonly statusCode?: number;
  readonly responseHeaders?: Readonly<Record<string, string>>;
}

/** Client errors that a retry may not meet again: request timeout, conflict, too early, too many requests. */
const RETRYABLE_STATUSES = new Set([408, 409, 425, 429]);
/** Too many requests, and overloaded: only for these do rate-limit headers say how long to wait. */
const RATE_LIMIT_STATUSES = new Set([429, 529]);
/** Names of AI SDK errors about the call itself, raised before anything was sent. */
const USAGE_ERRORS =
  /^AI_(InvalidPrompt|InvalidArgument|InvalidMessageRole|UnsupportedFunctionality|LoadAPIKey|LoadSetting|NoSuchModel)/;
const MAX_QUOTED_BYTES = 500;

/**
 * Translates a provider's error into what it means for the job: a {@link PermanentError} if no retry can help, a
 * {@link RetryAfterError} if the provider said how long to wait, else a JobError `llm_failed`, which is retried after
 * the backoff.
 */
export function failureOf(error: unknown, target: Target, now: number): Error {
  if (error instanceof JobError || error instanceof PermanentError) return error;
  const chain = causesOf(error) as readonly CallError[];
  const cause = chain.find((link) => Number.isInteger(link?.statusCode)) ?? chain[0];
  const status = cause?.statusCode;
  const said = quoted(chain);
  if (chain.some((link) => USAGE_ERRORS.test(String(link?.name)))) return invalidCall(error, target, said);
  const what = `${status}${said === "" ? "" : `: ${said}`}`;
  if (status !== undefined && status >= 300 && status < 400) return redirected(error, target, what);
  if (status === undefined || status < 400) return noAnswer(error, target, said);
  if (status < 500 && !RETRYABLE_STATUSES.has(status)) {
    return new PermanentError(refusalMessage(status, what, target), { cause: error });
  }
  const headers = cause?.responseHeaders ?? {};
  const waitMs = retryAfterMs(headers, now) ?? (RATE_LIMIT_STATUSES.has(status) ? resetMs(headers, now) : null);
  if (waitMs !== null) {
    const message = `${target.model} must not be called for ${waitMs} ms (${what}); try again then.`;
    return new RetryAfterError(waitMs, message, { cause: error });
  }
  const why = RATE_LIMIT_STATUSES.has(status)
    ? "accepts no more requests now"
    : "failed, through no fault of the request";
  return new JobError("llm_failed", `${target.model} ${why} (${what}); try again later.`, { cause: error });
}

/** The answer ended before it was complete. */
export function cutOff({ model }: Target): JobError {
  return new JobError("llm_failed", `The answer of ${model} was cut off midway; try again later.`);
}

/** The provider's content filter withheld the whole answer. */
export function declined({ model }: Target): PermanentError {
  return new PermanentError(`${model} declined to answer (content filter): change the prompt.`);
}

/** The token limit was reached before there was any text, for example by reasoning. */
export function outOfTokens({ model }: Target): PermanentError {
  return new PermanentError(`${model} used up its tokens before it wrote anything: raise maxTokens, or leave it out.`);
}

function invalidCall(error: unknown, { model }: Target, said: string): PermanentError {
  return new PermanentError(`The call of ${model} is not valid (${said}): change it before you repeat it.`, {
    cause: error,
  });
}

function redirected(error: unknown, { model }: Target, what: string): PermanentError {
  return new PermanentError(
    `The server of ${model} redirects to another address (${what}), to which neither key nor prompt is sent: set the baseURL option to the final address.`,
    { cause: error },
  );
}

function refusalMessage(status: number, what: string, { model, keySource }: Target): string {
  if (status === 401) return `The key for ${model} was rejected (${what}): check ${keySource} or the apiKey option.`;
  if (status === 403)
    return `The key for ${model} may not use it (${what}): check its permissions, or use another model.`;
  if (status === 404) return `${model} was not found (${what}): check the model's name and the baseURL option.`;
  return `${model} rejected the request (${what}): change it before you send it again.`;
}

function noAnswer(error: unknown, { model }: Target, said: string): JobError {
  const isUnreadable = causesOf(error).some((link) =>
    /JSONParse|TypeValidation|InvalidResponse|EmptyResponse|NoOutput|NoContent/.test((link as Error)?.name ?? ""),
  );
  const message = isUnreadable
    ? `The answer of ${model} cannot be read (${said}): try again later, and check the baseURL option.`
    : `The call of ${model} failed (${said}): check the network and the baseURL option.`;
  return new JobError("llm_failed", message, { cause: error });
}

/** The provider's own words: the first message of the chain, and the innermost one unless the first contains it. */
function quoted(chain: readonly CallError[]): string {
  const messages = chain.map((link) => (link instanceof Error ? messageOf(link) : String(link)));
  // The AI SDK puts the message of a failed connection behind a colon, also where it is empty.
  const texts = messages.map((text) => text.replace(/\s+/g, " ").replace(/:? ?$/, "").trim());
  const [first = "", ...deeper] = texts.filter((text) => text !== "");
  const last = deeper.at(-1);
  const text = last === undefined || first.includes(last) ? first : `${first}: ${last}`;
  return truncate(text, MAX_QUOTED_BYTES);
}
