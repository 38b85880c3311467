import type { Explanation as ServerExplanation } from "../src/background/core/explanation.ts";
import type { JobDetails, JobResult } from "../src/background/core/result.ts";
import type { JobStatus } from "../src/background/core/status.ts";
import type { Counts } from "../src/background/engine/counts.ts";
import type { Health } from "../src/background/engine/health.ts";
import type { Stats as ServerStats } from "../src/http/stats.ts";
import type { Waiting as ServerWaiting } from "../src/http/waiting.ts";
import { syncClock } from "./clock.ts";
import { BASE } from "./settings.ts";

/** A type as it arrives over JSON. */
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

/** A failed request; `status` is 0 if there was no response. */
export class ApiError extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

export const apiUrl = (path: string): string => `${BASE}api/${path}`;

/** How long to wait for a response. The server's own timeout is much shorter, so that without one it is unreachable. */
const TIMEOUT_MS = 30_000;

export async function get<T>(path: string, signal: AbortSignal): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  signal.addEventListener("abort", abort);
  try {
    return await send<T>(path, {}, controller);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

export async function post<T>(path: string, body: unknown = {}): Promise<T> {
  const headers = { "content-type": "application/json" };
  try {
    return await send<T>(path, { method: "POST", headers, body: JSON.stringify(body) });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 0) throw error;
    throw new ApiError("The server has not answered. It may have done it all the same: look before you try again.", 0);
  }
}

async function send<T>(path: string, init: RequestInit, controller = new AbortController()): Promise<T> {
  const timer = setTimeout(() => controller.abort(), TIMEOUT_MS);
  const { response, text } = await request(path, { ...init, signal: controller.signal })
    .catch(() => {
      throw new ApiError("The server cannot be reached.", 0);
    })
    .finally(() => clearTimeout(timer));
  syncClock(response.headers.get("date"));
  const answer = parsed(text);
  const isElsewhere = response.type === "opaqueredirect";
  if (isElsewhere || (response.ok && answer === undefined)) {
    throw new ApiError(
      "Something else than the dashboard's server has answered: maybe you have to sign in again.",
      isElsewhere ? 302 : response.status,
    );
  }
  // An unhealthy backend is reported with 503, but with the health as the body.
  if (response.ok || has(answer, "isHealthy")) return answer as T;
  const error = has(answer, "error") ? answer.error : null;
  const message = has(error, "message") ? String(error.message) : `The server answered ${response.status}.`;
  throw new ApiError(message, response.status);
}

async function request(path: string, init: RequestInit) {
  // The API has no redirects: a redirect is a proxy's, to a sign-in page that this page may not request.
  const redirect = "manual";
  const response = await fetch(apiUrl(path), { ...init, redirect, credentials: "same-origin", cache: "no-store" });
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
