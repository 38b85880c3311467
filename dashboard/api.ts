import type { Explanation as ServerExplanation } from "../src/background/core/explanation.ts";
import type { JobDetails, JobResult } from "../src/background/core/result.ts";
import type { JobStatus } from "../src/background/core/status.ts";
import type { Counts } from "../src/background/engine/counts.ts";
import type { Health } from "../src/background/engine/health.ts";
import type { Stats as ServerStats } from "../src/http/stats.ts";
import type { Waiting as ServerWaiting } from "../src/http/waiting.ts";
import { serverSaid } from "./clock.ts";
import { BASE } from "./settings.ts";

/** What is left of a shape when it has been JSON. */
type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Wire<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Wire<T[Key]> }
      : T;

export type Job = Wire<JobResult>;
export type FullJob = Wire<JobDetails>;
export type Explanation = Wire<ServerExplanation>;
export type Stats = Wire<ServerStats>;
export type Waiting = Wire<ServerWaiting>;
export type Status = JobStatus;
export type { Counts, Health };

export const STATUSES: readonly Status[] = ["pending", "running", "completed", "failed", "cancelled"];

/** A request that was not answered as hoped; `status` is 0 when there was no answer at all. */
export class ApiError extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

export const apiUrl = (path: string): string => `${BASE}api/${path}`;

/** A server that has not answered by then is not there, though nobody has said so: it gives up much sooner itself. */
const LONGEST_MS = 30_000;

export async function get<T>(path: string, signal: AbortSignal): Promise<T> {
  const asking = new AbortController();
  const end = () => asking.abort();
  const timer = setTimeout(end, LONGEST_MS);
  signal.addEventListener("abort", end);
  try {
    return await send<T>(path, { signal: asking.signal });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

export async function post<T>(path: string, body: unknown = {}): Promise<T> {
  return send<T>(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function send<T>(path: string, init: RequestInit): Promise<T> {
  const { response, text } = await told(path, init).catch(() => {
    throw new ApiError("The server cannot be reached.", 0);
  });
  serverSaid(response.headers.get("date"));
  const answer = parsed(text);
  if (response.ok && answer === undefined) {
    throw new ApiError(
      "Something else than the dashboard's server has answered: maybe you have to sign in again.",
      response.status,
    );
  }
  // A backend that is not healthy is told with 503, and how it is all the same.
  if (response.ok || has(answer, "isHealthy")) return answer as T;
  const error = has(answer, "error") ? answer.error : null;
  const message = has(error, "message") ? String(error.message) : `The server answered ${response.status}.`;
  throw new ApiError(message, response.status);
}

async function told(path: string, init: RequestInit) {
  const response = await fetch(apiUrl(path), { ...init, credentials: "same-origin", cache: "no-store" });
  return { response, text: await response.text() };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function has<Name extends string>(value: unknown, name: Name): value is Record<Name, unknown> {
  return typeof value === "object" && value !== null && name in value;
}
