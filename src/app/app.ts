import type { StandardSchemaV1 } from "@standard-schema/spec";
import { JobError } from "../background/core/errors.ts";
import { checkOptions, wholeNumber } from "../background/core/options.ts";
import type { Logger } from "../background/engine/logger.ts";
import { hasAnsweredListeners, type MatchedRoute, notifyAnswered } from "./answered.ts";
import type { Connection } from "./connection.ts";
import {
  answer,
  type Endpoint,
  endpointOf,
  ROUTE_METHODS,
  type RouteHandler,
  type RouteMethod,
  type RouteOptions,
  type Settings,
} from "./endpoint.ts";
import { nonThrowingLogger } from "./logger.ts";
import { findMount, forward, type Mount, type Mountable, mountOf } from "./mount.ts";
import { errorResponse, invalidInput, logError, Refusal } from "./refusal.ts";
import { decodeSegments, parseRoutePath } from "./route-path.ts";
import { Router } from "./router.ts";
import { sendable } from "./sendable.ts";
import type { AppServer, RunOptions } from "./server.ts";

/** Options of an App. */
export interface AppOptions {
  /** Maximum size of a request body, in bytes; a larger one is answered with 413. Default: 1 MiB. */
  readonly bodyLimit?: number | undefined;
  /** Receives errors that are not the client's fault. Default: the console. */
  readonly logger?: Logger | undefined;
}

type NoSchema = StandardSchemaV1 | undefined;

/**
 * A small web application: routes whose handlers take one input object and return JSON.
 *
 * @example
 * ```ts
 * const app = new App();
 * app.get("/jobs/:jobId", async ({ jobId }) => (await task.getResult(jobId)) ?? [{ error: "Job not found" }, 404]);
 * await app.run({ port: 8000 });
 * ```
 */
export class App {
  readonly #settings: Settings;
  readonly #router: Router<Endpoint> = new Router();
  readonly #mounts: Mount[] = [];

  /** @throws JobError `invalid_option` */
  constructor(options: AppOptions = {}) {
    checkOptions(options, ["bodyLimit", "logger"], "options of an App");
    const { bodyLimit = 1_048_576, logger = console } = options;
    this.#settings = {
      bodyLimit: wholeNumber(bodyLimit, 0, "bodyLimit of an App"),
      logger: nonThrowingLogger(logger, "an App"),
    };
  }

  /**
   * Adds a route.
   *
   * @param path starts with a slash. `:name` and `<name>` are parameters; `:name?`, at the end only, is an optional
   * one. A literal segment takes precedence over a parameter, so `/jobs/latest` and `/jobs/:jobId` can coexist.
   * @param options `methods` defaults to `["GET"]`; `schema` validates the input
   * @param handler called with the input, which merges path parameters, query and JSON body (the former override the
   * latter), and with the request's context
   * @throws JobError `invalid_option`, also when the route exists already
   * @example
   * ```ts
   * app.route("/process", { methods: ["POST"], schema: z.object({ docId: z.string() }) }, async ({ docId }) => {
   *   return [{ jobId: await processDocument.enqueue({ docId }) }, 202];
   * });
   * ```
   */
  route<const P extends string, S extends NoSchema = undefined>(
    path: P,
    options: RouteOptions<S> & { readonly methods?: readonly RouteMethod[] | undefined },
    handler: RouteHandler<P, S>,
  ): this {
    const paths = parseRoutePath(path);
    const endpoint = endpointOf(path, options, handler);
    const { methods = ["GET"] } = options;
    for (const method of checkMethods(methods, path)) {
      for (const segments of paths) this.#router.add(method, segments, endpoint);
    }
    return this;
  }

  /**
   * Adds a route for GET, which also answers HEAD.
   *
   * @throws JobError `invalid_option`
   * @example app.get("/hello/:name", ({ name }) => ({ hello: name }));
   */
  get<const P extends string>(path: P, handler: RouteHandler<P>): this;
  get<const P extends string, S extends NoSchema>(path: P, options: RouteOptions<S>, handler: RouteHandler<P, S>): this;
  get(path: string, ...rest: readonly unknown[]): this {
    return this.#add("GET", path, rest);
  }

  /**
   * Adds a route for POST.
   *
   * @throws JobError `invalid_option`
   * @example app.post("/process", async ({ docId }) => ({ jobId: await processDocument.enqueue({ docId }) }));
   */
  post<const P extends string>(path: P, handler: RouteHandler<P>): this;
  post<const P extends string, S extends NoSchema>(
    path: P,
    options: RouteOptions<S>,
    handler: RouteHandler<P, S>,
  ): this;
  post(path: string, ...rest: readonly unknown[]): this {
    return this.#add("POST", path, rest);
  }

  /**
   * Adds a route for PUT.
   *
   * @throws JobError `invalid_option`
   * @example app.put("/notes/:id", ({ id, text }) => notes.set(id, String(text)).size);
   */
  put<const P extends string>(path: P, handler: RouteHandler<P>): this;
  put<const P extends string, S extends NoSchema>(path: P, options: RouteOptions<S>, handler: RouteHandler<P, S>): this;
  put(path: string, ...rest: readonly unknown[]): this {
    return this.#add("PUT", path, rest);
  }

  /**
   * Adds a route for PATCH.
   *
   * @throws JobError `invalid_option`
   * @example app.patch("/notes/:id", { schema: z.object({ text: z.string() }) }, ({ id, text }) => notes.set(id, text).size);
   */
  patch<const P extends string>(path: P, handler: RouteHandler<P>): this;
  patch<const P extends string, S extends NoSchema>(
    path: P,
    options: RouteOptions<S>,
    handler: RouteHandler<P, S>,
  ): this;
  patch(path: string, ...rest: readonly unknown[]): this {
    return this.#add("PATCH", path, rest);
  }

  /**
   * Adds a route for DELETE.
   *
   * @throws JobError `invalid_option`
   * @example app.delete("/jobs/:jobId", async ({ jobId }) => ({ cancelled: await task.cancel(jobId) }));
   */
  delete<const P extends string>(path: P, handler: RouteHandler<P>): this;
  delete<const P extends string, S extends NoSchema>(
    path: P,
    options: RouteOptions<S>,
    handler: RouteHandler<P, S>,
  ): this;
  delete(path: string, ...rest: readonly unknown[]): this {
    return this.#add("DELETE", path, rest);
  }

  /**
   * Forwards every request under `path` to another app, which sees the path without that prefix. A route of this app
   * takes precedence, unless a parameter of it matches part of the prefix; of two mounts the longer path takes
   * precedence.
   *
   * @param target an App, a function that takes a Request, or an object whose `fetch` is such a function. It reads the
   * body itself, without this app's `bodyLimit`. Whenever a server begins to close, its `endStreams`, or if it has none
   * its `close`, is called to end open streams; it has to keep working afterwards, for the app's other servers and
   * later runs.
   * @throws JobError `invalid_option`, also when something is already mounted at `path`
   * @example app.mount("/admin", adminApp);
   */
  mount(path: string, target: Mountable): this {
    const mount = mountOf(path, target);
    if (this.#mounts.some(({ prefix }) => prefix.join("/") === mount.prefix.join("/"))) {
      throw new JobError(
        "invalid_option",
        `Something is already mounted at ${path}, so this would never be reached: choose another path.`,
      );
    }
    this.#mounts.push(
      target instanceof App
        ? {
            ...mount,
            fetch: (request, matched, connection) => target.#respond(request, matched, connection),
            endStreams: () => target.#endStreams(),
          }
        : { ...mount, fetch: async (...args) => sendable(await mount.fetch(...args), args[0], this.#settings.logger) },
    );
    return this;
  }

  /**
   * Answers a web-standard Request; never rejects. It is bound to the app, so it can be passed to any server that takes
   * a fetch handler. If the server passes the connection too, mounted handlers receive it and can see the client's
   * address.
   *
   * @example
   * ```ts
   * const { fetch } = app;
   * const response = await fetch(new Request("http://localhost/jobs"));
   * ```
   */
  readonly fetch: (request: Request, connection?: Connection) => Promise<Response> = (request, connection) =>
    hasAnsweredListeners() ? this.#measure(request, connection) : this.#respond(request, { route: null }, connection);

  /**
   * Starts an HTTP server and the default queue. SIGTERM or SIGINT shuts both down: new connections are refused,
   * requests and running jobs get `grace` to finish, and the process exits on its own. A second signal ends it at once.
   *
   * @returns the server, once it listens
   * @throws JobError `invalid_option`, also when the port is in use; `queue_unavailable` when the default queue's
   * backend cannot be reached
   * @example
   * ```ts
   * const server = await app.run({ port: 0 });
   * console.log(server.url);
   * await server.close();
   * ```
   */
  async run(options: RunOptions = {}): Promise<AppServer> {
    // Loaded on demand: runtimes that only use `fetch` may not have Node's HTTP server.
    const { runServer } = await import("./server.ts");
    return runServer(this.fetch, options, this.#settings.logger, () => this.#endStreams());
  }

  /** Ends the open streams of everything mounted: they would hold the server open. */
  #endStreams(): void {
    for (const { endStreams } of this.#mounts) {
      try {
        endStreams?.();
      } catch (error) {
        this.#settings.logger.error("A mounted handler could not end its streams.", error);
      }
    }
  }

  #add(method: RouteMethod, path: string, rest: readonly unknown[]): this {
    const [options, handler] = rest.length > 1 ? rest : [{}, rest[0]];
    return this.route(
      path,
      { ...(options as RouteOptions<undefined>), methods: [method] },
      handler as RouteHandler<string>,
    );
  }

  /** Answers a request and reports its method, route, status and duration to the listeners. */
  async #measure(request: Request, connection: Connection | undefined): Promise<Response> {
    const startedAt = performance.now();
    const matched: MatchedRoute = { route: null };
    const response = await this.#respond(request, matched, connection);
    const { status } = response;
    notifyAnswered({ method: request.method, route: matched.route, status, durationMs: performance.now() - startedAt });
    return response;
  }

  async #respond(request: Request, matched: MatchedRoute, connection: Connection | undefined): Promise<Response> {
    let response: Response;
    try {
      response = await this.#answer(request, matched, connection);
    } catch (error) {
      logError(this.#settings.logger, `${request.method} ${pathOf(request)} failed.`, error, request.signal);
      response = errorResponse(error, request.signal);
    }
    return request.method === "HEAD" ? withoutBody(response) : response;
  }

  async #answer(request: Request, matched: MatchedRoute, connection: Connection | undefined): Promise<Response> {
    const segments = segmentsOf(request);
    const found = this.#router.find(request.method === "HEAD" ? "GET" : request.method, segments);
    const mount = findMount(this.#mounts, segments);
    const isRoute = found !== null && "endpoint" in found;
    if (mount !== undefined && !(isRoute && found.literalPrefix >= mount.prefix.length)) {
      return forward(mount, request, matched, connection);
    }
    if (isRoute) {
      matched.route = found.endpoint.path;
      return answer(found.endpoint, found.params, request, this.#settings);
    }
    if (found === null) throw new Refusal(404, { error: "Not Found", code: "not_found" });
    const allow = allowOf(found.allowed);
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: { allow } });
    const error = `Method Not Allowed: this path accepts ${allow}.`;
    throw new Refusal(405, { error, code: "method_not_allowed" }, { allow });
  }
}

function checkMethods(methods: readonly unknown[], path: string): readonly RouteMethod[] {
  const known = Array.isArray(methods) ? methods.map((method) => String(method).toUpperCase()) : [];
  const unknown = known.find((method) => !ROUTE_METHODS.includes(method as RouteMethod));
  if (known.length > 0 && unknown === undefined) return [...new Set(known)] as RouteMethod[];
  const found = unknown === undefined ? "" : `, not ${unknown.slice(0, 40)}`;
  throw new JobError(
    "invalid_option",
    `The methods of the route ${path} must be a list of some of ${ROUTE_METHODS.join(", ")}${found}.`,
  );
}

function segmentsOf(request: Request): readonly string[] {
  const { pathname, username, password } = new URL(request.url);
  // An HTTP request line may contain credentials, but `new Request` refuses them, so the request could not be rebuilt.
  if (username !== "" || password !== "") throw invalidInput("The request's URL must not contain a user or password.");
  try {
    return decodeSegments(pathname);
  } catch {
    throw invalidInput("The percent-encoding in the path is not valid.");
  }
}

function pathOf(request: Request): string {
  return new URL(request.url).pathname;
}

function allowOf(methods: readonly string[]): string {
  const all = methods.includes("GET") ? [...methods, "HEAD", "OPTIONS"] : [...methods, "OPTIONS"];
  return all.sort().join(", ");
}

function withoutBody(response: Response): Response {
  response.body?.cancel().catch(() => {});
  const { status, headers } = response;
  return new Response(null, { status, headers });
}
