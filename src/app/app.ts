import type { StandardSchemaV1 } from "@standard-schema/spec";
import { JobError } from "../background/core/errors.ts";
import { checkOptions, wholeNumber } from "../background/core/options.ts";
import type { Logger } from "../background/engine/logger.ts";
import { type Found, isAnsweredHeard, tellAnswered } from "./answered.ts";
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
import { forgivingLogger } from "./logger.ts";
import { findMount, forward, type Mount, type Mountable, mountOf } from "./mount.ts";
import { errorResponse, invalidInput, logError, Refusal } from "./refusal.ts";
import { decodeSegments, parseRoutePath } from "./route-path.ts";
import { Router } from "./router.ts";
import { sendable } from "./sendable.ts";
import type { AppServer, RunOptions } from "./server.ts";

/** How an App is set up. */
export interface AppOptions {
  /** Bytes that a request's body may have; more is answered with 413. Default: 1 MiB. */
  readonly bodyLimit?: number | undefined;
  /** Where errors go that a client is not to blame for. Default: the console. */
  readonly logger?: Logger | undefined;
}

type NoSchema = StandardSchemaV1 | undefined;

/**
 * A small web application: routes whose handlers get one object and return JSON.
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
      logger: forgivingLogger(logger, "an App"),
    };
  }

  /**
   * Adds a route.
   *
   * @param path starts with a slash; `:name` and `<name>` are parameters, and `:name?` at the end may be missing. Plain
   * text goes before a parameter, so that `/jobs/latest` and `/jobs/:jobId` can both be there.
   * @param options `methods` defaults to GET; `schema` checks the input
   * @param handler gets path parameters over query over JSON body as one object, and the request as its context
   * @throws JobError `invalid_option`, also when there is such a route already
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
   * Adds a route for GET, which answers HEAD too.
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
   * Hands all requests beneath a path to another app, which sees the rest of the path. Routes of this app go first, but for
   * those with a parameter in place of the mount's own text, and of two mounts the longer path.
   *
   * @param target an App, a function that takes a Request, or an object with such a `fetch`. Reading the body, and
   * limiting it, is up to it. Its `endStreams`, or else its `close`, if it has one, is called whenever a server begins to close,
   * and is to end the streams that are open: the App may have other servers, or be run again.
   * @throws JobError `invalid_option`, also when something is mounted there already
   * @example app.mount("/admin", adminApp);
   */
  mount(path: string, target: Mountable): this {
    const mount = mountOf(path, target);
    if (this.#mounts.some(({ prefix }) => prefix.join("/") === mount.prefix.join("/"))) {
      throw new JobError(
        "invalid_option",
        `Something is mounted at ${path} already, so that this would never be reached: choose another path.`,
      );
    }
    this.#mounts.push(
      target instanceof App
        ? {
            ...mount,
            fetch: (request, found, connection) => target.#respond(request, found, connection),
            endStreams: () => target.#endStreams(),
          }
        : { ...mount, fetch: async (...args) => sendable(await mount.fetch(...args), args[0], this.#settings.logger) },
    );
    return this;
  }

  /**
   * Answers a request of the web's standard shape; never rejects. It can be handed on by itself, to any server that
   * takes such a function. The connection, where the server hands it over as well, is for what is mounted: it says where a request
   * comes from.
   *
   * @example
   * ```ts
   * const { fetch } = app;
   * const response = await fetch(new Request("http://localhost/jobs"));
   * ```
   */
  readonly fetch: (request: Request, connection?: Connection) => Promise<Response> = (request, connection) =>
    isAnsweredHeard() ? this.#measure(request, connection) : this.#respond(request, { route: null }, connection);

  /**
   * Starts an HTTP server and the default queue. SIGTERM and SIGINT end both: no new connections, requests and then
   * running jobs get `grace` to finish, and the process ends by itself; a second signal ends it at once.
   *
   * @returns the server, once it listens
   * @throws JobError `invalid_option`, also when the port is taken; `queue_unavailable` when the default queue's backend is away
   * @example
   * ```ts
   * const server = await app.run({ port: 0 });
   * console.log(server.url);
   * await server.close();
   * ```
   */
  async run(options: RunOptions = {}): Promise<AppServer> {
    // Node's HTTP server is not there where only `fetch` is used.
    const { runServer } = await import("./server.ts");
    return runServer(this.fetch, options, this.#settings.logger, () => this.#endStreams());
  }

  /** Streams of what is mounted, which end when they are told to. */
  #endStreams(): void {
    for (const { endStreams } of this.#mounts) {
      try {
        endStreams?.();
      } catch (error) {
        this.#settings.logger.error("What is mounted could not end its streams.", error);
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

  /** Answers a request, and tells those who listen what was asked of which route, and how long that took. */
  async #measure(request: Request, connection: Connection | undefined): Promise<Response> {
    const startedAt = performance.now();
    const found: Found = { route: null };
    const response = await this.#respond(request, found, connection);
    const { status } = response;
    tellAnswered({ method: request.method, route: found.route, status, durationMs: performance.now() - startedAt });
    return response;
  }

  async #respond(request: Request, found: Found, connection: Connection | undefined): Promise<Response> {
    let response: Response;
    try {
      response = await this.#answer(request, found, connection);
    } catch (error) {
      logError(this.#settings.logger, `${request.method} ${pathOf(request)} failed.`, error, request.signal);
      response = errorResponse(error, request.signal);
    }
    return request.method === "HEAD" ? withoutBody(response) : response;
  }

  async #answer(request: Request, seen: Found, connection: Connection | undefined): Promise<Response> {
    const segments = segmentsOf(request);
    const found = this.#router.find(request.method === "HEAD" ? "GET" : request.method, segments);
    const mount = findMount(this.#mounts, segments);
    const isRoute = found !== null && "endpoint" in found;
    if (mount !== undefined && !(isRoute && found.plain >= mount.prefix.length)) {
      return forward(mount, request, seen, connection);
    }
    if (isRoute) {
      seen.route = found.endpoint.path;
      return answer(found.endpoint, found.params, request, this.#settings);
    }
    if (found === null) throw new Refusal(404, { error: "Not Found", code: "not_found" });
    const allow = allowOf(found.allowed);
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: { allow } });
    const error = `Method Not Allowed: this path takes ${allow}.`;
    throw new Refusal(405, { error, code: "method_not_allowed" }, { allow });
  }
}

function checkMethods(methods: readonly unknown[], path: string): readonly RouteMethod[] {
  const known = Array.isArray(methods) ? methods.map((method) => String(method).toUpperCase()) : [];
  const unknown = known.find((method) => !ROUTE_METHODS.includes(method as RouteMethod));
  if (known.length > 0 && unknown === undefined) return [...new Set(known)] as RouteMethod[];
  const found = unknown === undefined ? "" : `, and not ${unknown.slice(0, 40)}`;
  throw new JobError(
    "invalid_option",
    `The methods of the route ${path} have to be some of ${ROUTE_METHODS.join(", ")}${found}.`,
  );
}

function segmentsOf(request: Request): readonly string[] {
  const { pathname, username, password } = new URL(request.url);
  // A line of HTTP may have them in its address, and no Request can be made of one, for a mount or a handler.
  if (username !== "" || password !== "") throw invalidInput("The request's address has a user or a password in it.");
  try {
    return decodeSegments(pathname);
  } catch {
    throw invalidInput("The percent-encoding in the path is wrong.");
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
