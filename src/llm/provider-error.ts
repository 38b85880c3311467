import { PermanentError, RetryAfterError } from "../background/core/endings.ts";
import { JobError } from "../background/core/errors.ts";
import { causesOf } from "../background/core/failure.ts";
import { truncate } from "../background/core/text.ts";
import { resetMs, retryAfterMs } from "./retry-after.ts";

/** What an error needs to say whom to ask. */
export interface Asked {
  readonly model: string;
  /** Where its key comes from: `"ANTHROPIC_API_KEY"`. */
  readonly keySource: string;
}

/** An error of the AI SDK's that came of an answer over HTTP, or of none. */
interface CallError extends Error {
  readonly statusCode?: number;
  readonly responseHeaders?: Readonly<Record<string, string>>;
}

/** Refusals that another attempt may not meet: a timeout, a conflict, too early, too many. */
const PASSING = new Set([408, 409, 425, 429]);
/** Too many requests, and overloaded: what their headers count is why. */
const LIMITED = new Set([429, 529]);
/** What the AI SDK calls an error that it found before it asked anybody. */
const MISTAKES =
  /^AI_(InvalidPrompt|InvalidArgument|InvalidMessageRole|UnsupportedFunctionality|LoadAPIKey|LoadSetting|NoSuchModel)/;
const MAX_QUOTED_BYTES = 500;

/**
 * What a provider's error means for the job: a {@link PermanentError} where no retry can help, a
 * {@link RetryAfterError} where the provider said how long to wait, else a JobError `llm_failed`, which is retried after
 * the backoff.
 */
export function failureOf(error: unknown, asked: Asked, now: number): Error {
  if (error instanceof JobError || error instanceof PermanentError) return error;
  const chain = causesOf(error) as readonly CallError[];
  const cause = chain.find((link) => Number.isInteger(link?.statusCode)) ?? chain[0];
  const status = cause?.statusCode;
  const said = quoted(chain);
  if (chain.some((link) => MISTAKES.test(String(link?.name)))) return mistaken(error, asked, said);
  const what = `${status}${said === "" ? "" : `: ${said}`}`;
  if (status !== undefined && status >= 300 && status < 400) return redirected(error, asked, what);
  if (status === undefined || status < 400) return unreachable(error, asked, said);
  if (status < 500 && !PASSING.has(status)) return new PermanentError(refused(status, what, asked), { cause: error });
  const headers = cause?.responseHeaders ?? {};
  const waitMs = retryAfterMs(headers, now) ?? (LIMITED.has(status) ? resetMs(headers, now) : null);
  if (waitMs !== null) {
    const message = `${asked.model} has to be left alone for ${waitMs} ms (${what}); it is to be asked again then.`;
    return new RetryAfterError(waitMs, message, { cause: error });
  }
  const why = LIMITED.has(status) ? "takes no more requests now" : "failed, through no fault of the request";
  return new JobError("llm_failed", `${asked.model} ${why} (${what}); try again later.`, { cause: error });
}

/** The answer ended before it was complete. */
export function cutOff({ model }: Asked): JobError {
  return new JobError("llm_failed", `The answer of ${model} was cut off midway; try again later.`);
}

/** The provider would not answer at all. */
export function declined({ model }: Asked): PermanentError {
  return new PermanentError(`${model} declined to answer (content filter): change the prompt.`);
}

/** The limit of tokens was reached before there was any text, by reasoning say. */
export function outOfTokens({ model }: Asked): PermanentError {
  return new PermanentError(`${model} used up its tokens before it wrote anything: raise maxTokens, or leave it out.`);
}

function mistaken(error: unknown, { model }: Asked, said: string): PermanentError {
  return new PermanentError(`${model} cannot be asked this (${said}): change the call before it is made again.`, {
    cause: error,
  });
}

function redirected(error: unknown, { model }: Asked, what: string): PermanentError {
  return new PermanentError(
    `The server of ${model} redirects elsewhere (${what}), where neither key nor prompt are sent: set the baseURL option to the address itself.`,
    { cause: error },
  );
}

function refused(status: number, what: string, { model, keySource }: Asked): string {
  if (status === 401) return `The key for ${model} was refused (${what}): check ${keySource} or the apiKey option.`;
  if (status === 403) return `The key for ${model} may not use it (${what}): check its rights, or take another model.`;
  if (status === 404) return `${model} was not found (${what}): check the model's name and the baseURL option.`;
  return `${model} refused the request (${what}): change it before it is sent again.`;
}

function unreachable(error: unknown, { model }: Asked, said: string): JobError {
  const isUnreadable = causesOf(error).some((link) =>
    /JSONParse|TypeValidation|InvalidResponse|EmptyResponse|NoOutput|NoContent/.test((link as Error)?.name ?? ""),
  );
  const message = isUnreadable
    ? `${model} gave an answer that cannot be read (${said}): try again later, and check the baseURL option.`
    : `The call of ${model} failed (${said}): check the network and the baseURL option.`;
  return new JobError("llm_failed", message, { cause: error });
}

/** The provider's own words, of the first link that has any. */
function quoted(chain: readonly CallError[]): string {
  const texts = chain.map((link) => (link instanceof Error ? link.message : String(link)));
  const [first = "", ...deeper] = texts.map((text) => text.replace(/\s+/g, " ").trim()).filter((text) => text !== "");
  const last = deeper.at(-1);
  const text = last === undefined || first.includes(last) ? first : `${first}: ${last}`;
  return truncate(text, MAX_QUOTED_BYTES);
}
