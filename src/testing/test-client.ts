import { readEvents, type ServerSentEvent } from "../app/event-reader.ts";
import { JobError } from "../background/core/errors.ts";
import { checkOptions } from "../background/core/options.ts";

type Body = NonNullable<RequestInit["body"]> | null;
type QueryValue = string | number | boolean | null | undefined;

const ORIGIN = "http://localhost";

/** Options of a request. */
export interface TestRequestOptions {
  /** Added to the path's query. An array repeats its key; `null` and `undefined` are left out. */
  readonly query?: Readonly<Record<string, QueryValue | readonly QueryValue[]>> | undefined;
  readonly headers?: RequestInit["headers"] | undefined;
  /** A body to send as JSON, with its content type. */
  readonly json?: unknown;
  /** A body as for `fetch`. */
  readonly body?: RequestInit["body"] | undefined;
  /** Aborts the request, like a client that disconnects. */
  readonly signal?: AbortSignal | undefined;
}

/** An app's response. Its body can be read repeatedly as text and as JSON, or once as events. */
export class TestResponse {
  readonly #response: Response;
  #text: Promise<string> | undefined;

  constructor(response: Response) {
    this.#response = response;
  }

  get status(): number {
    return this.#response.status;
  }

  /** Whether the status is from 200 to 299. */
  get ok(): boolean {
    return this.#response.ok;
  }

  get headers(): Headers {
    return this.#response.headers;
  }

  /** @throws SyntaxError when the body is not JSON */
  // biome-ignore lint/suspicious/noExplicitAny: a test that accesses a property that is missing simply fails.
  async json<T = any>(): Promise<T> {
    return JSON.parse(await this.text()) as T;
  }

  text(): Promise<string> {
    this.#text ??= this.#response.text();
    return this.#text;
  }

  /**
   * Yields the body's server-sent events as they arrive. Leaving the loop disconnects the client.
   *
   * @example
   * ```ts
   * for await (const { data } of response.events()) console.log(data);
   * ```
   */
  events(): AsyncGenerator<ServerSentEvent, void> {
    return readEvents(this.#response.body);
  }
}

/**
 * Sends requests to an app through its `fetch`, without a server.
 *
 * @example
 * ```ts
 * const client = new TestClient(app);
 * const response = await client.post("/process", { json: { docId: "d1" } });
 * const { jobId } = await response.json();
 * ```
 */
export class TestClient {
  readonly #app: { readonly fetch: (request: Request) => Response | Promise<Response> };

  /** @param app an App, or any object with a web-standard `fetch` */
  constructor(app: { readonly fetch: (request: Request) => Response | Promise<Response> }) {
    if (typeof app?.fetch !== "function") {
      throw new JobError("invalid_option", "A TestClient needs an App, or another object with a fetch method.");
    }
    this.#app = app;
  }

  get(path: string, options: Omit<TestRequestOptions, "json" | "body"> = {}): Promise<TestResponse> {
    return this.request("GET", path, options);
  }

  post(path: string, options: TestRequestOptions = {}): Promise<TestResponse> {
    return this.request("POST", path, options);
  }

  put(path: string, options: TestRequestOptions = {}): Promise<TestResponse> {
    return this.request("PUT", path, options);
  }

  patch(path: string, options: TestRequestOptions = {}): Promise<TestResponse> {
    return this.request("PATCH", path, options);
  }

  delete(path: string, options: TestRequestOptions = {}): Promise<TestResponse> {
    return this.request("DELETE", path, options);
  }

  /** Sends a request with any method that `fetch` supports, such as HEAD or OPTIONS. */
  async request(method: string, path: string, options: TestRequestOptions = {}): Promise<TestResponse> {
    checkOptions(options, ["query", "headers", "json", "body", "signal"], "options of a request");
    const { query = {}, json, body = null, signal } = options;
    if (json !== undefined && body !== null) {
      throw new JobError("invalid_option", "A request can have only one body: use json or body, not both.");
    }
    // A server takes a leading `//` for part of the path, but `URL` would take it for another host.
    const url = path.startsWith("/") ? new URL(`${ORIGIN}${path}`) : new URL(path, ORIGIN);
    for (const [key, value] of Object.entries(query)) {
      for (const item of [value].flat() as QueryValue[]) {
        if (item !== null && item !== undefined) url.searchParams.append(key, String(item));
      }
    }
    const headers = new Headers(options.headers);
    if (json !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json");
    const sent = json === undefined ? await buffered(body, headers) : JSON.stringify(json);
    const init: RequestInit = { method, headers, body: sent, duplex: "half", ...(signal && { signal }) };
    return new TestResponse(await this.#app.fetch(new Request(url, init)));
  }
}

/** Encodes a form to bytes, as a network delivers it: Node's stream of a form fails if an app stops reading midway. */
async function buffered(body: Body, headers: Headers): Promise<Body> {
  if (!(body instanceof FormData)) return body;
  const encoded = new Response(body);
  headers.set("content-type", encoded.headers.get("content-type") ?? "");
  return encoded.arrayBuffer();
}
