import { background, type JobQueue, type Task } from "rapidai/background";
import { type JobsApi, type JobsApiOptions, jobsApi } from "rapidai/http";
import { onTestFinished } from "vitest";
import { readEvents, type ServerSentEvent } from "../../src/app/event-reader.ts";
import { silentLogger } from "../../src/background/engine/logger.ts";

export const ORIGIN = "http://localhost:3000";

/** What an API answered, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into what it got, and fails if it is not there.
  readonly body: any;
}

export interface Caller {
  readonly api: JobsApi;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** A stream of events, closed when the test ends. */
  events(path: string, headers?: Record<string, string>): Promise<EventReader>;
}

/** Without a rate that a test on a fast machine would meet, or a time that one on a slow machine would. */
export function callerOf(options: JobsApiOptions): Caller {
  const limits = { searchTime: "30s" as const, rate: { perSecond: 100_000, burst: 100_000 }, ...options.limits };
  const api = jobsApi({ logger: silentLogger, ...options, limits });
  onTestFinished(() => api.close());
  const base = `${ORIGIN}${options.basePath ?? ""}`;
  const call = async (request: Request): Promise<Answer> => {
    const response = await api(request);
    const text = await response.text();
    const isJson = response.headers.get("content-type") === "application/json";
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
  return {
    api,
    get: (path, headers = {}) => call(new Request(`${base}${path}`, { headers })),
    post: (path, body = {}, headers = {}) =>
      call(
        new Request(`${base}${path}`, {
          method: "POST",
          headers: { "content-type": "application/json", ...headers },
          body: JSON.stringify(body),
        }),
      ),
    events: async (path, headers = {}) => {
      const leave = new AbortController();
      const response = await api(new Request(`${base}${path}`, { headers, signal: leave.signal }));
      const reader = new EventReader(response, leave);
      onTestFinished(() => reader.close());
      return reader;
    },
  };
}

/** Reads a stream event by event. */
export class EventReader {
  readonly response: Response;
  readonly #leave: AbortController;
  readonly #events: AsyncGenerator<ServerSentEvent, void>;

  constructor(response: Response, leave: AbortController) {
    this.response = response;
    this.#leave = leave;
    this.#events = readEvents(response.body);
  }

  /** The next event, its data read; `undefined` at the end. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into what it got, and fails if it is not there.
  async next(): Promise<{ event: string; id: string; data: any } | undefined> {
    const { value } = await this.#events.next();
    return value ? { event: value.event, id: value.id, data: JSON.parse(value.data) } : undefined;
  }

  /** The next event of this name for which this is so. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into what it got, and fails if it is not there.
  async until(event: string, isIt: (data: any) => boolean = () => true): Promise<{ id: string; data: any }> {
    for (let next = await this.next(); next !== undefined; next = await this.next()) {
      if (next.event === event && isIt(next.data)) return next;
    }
    throw new Error(`The stream ended before such an event ${event}.`);
  }

  close(): void {
    this.#leave.abort();
  }
}

/** A task that completes with what it got. */
export function echoing(queue: JobQueue, name = "echo"): Task<unknown, unknown> {
  return background({ queue, name }, async (payload: unknown) => payload);
}
