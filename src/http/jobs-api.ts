import { Hono } from "hono";
import type { Connection } from "../app/connection.ts";
import { type ApiSettings, apiSettings, type JobsApiOptions } from "./api-options.ts";
import { jsonResponse, textResponse } from "./headers.ts";
import { errorBody, HttpError, toHttpError } from "./http-error.ts";
import { Live } from "./live.ts";
import { logFailure } from "./log-failure.ts";
import { ROUTES, type Route, type Services } from "./routes.ts";
import { StatsRing } from "./stats.ts";
import { waitingOf } from "./waiting.ts";
import { within } from "./within.ts";

/**
 * A web-standard fetch handler. The optional second argument is what a server adapter may pass along: with
 * `@hono/node-server`, Node's request, whose socket has the client's address.
 */
export interface JobsApi {
  (request: Request, connection?: Connection): Promise<Response>;
  /** Ends all live streams and refuses new ones, so that a server can close. Also happens when the queue is closed. */
  close(): void;
  /** Ends the live streams that are open. An `App` in which this is mounted does so whenever one of its servers closes. */
  endStreams(): void;
}

/**
 * Creates a REST API for a queue's jobs, as a fetch handler to mount in any framework: list, search, enqueue, cancel,
 * retry, explain, counts, health, metrics, and live changes as server-sent events.
 *
 * Without `auth`, only requests from this machine are answered.
 *
 * @throws JobError `invalid_option`
 * @example
 * ```ts
 * const api = jobsApi({ queue, basePath: "/admin/jobs-api", auth: (request) => sessionOf(request) });
 * app.all("/admin/jobs-api/*", (c) => api(c.req.raw, c.env as object)); // Hono; other frameworks: docs/guides/http.md
 * ```
 */
export function jobsApi(options: JobsApiOptions): JobsApi {
  return apiOf(apiSettings(options));
}

/** Creates an API from settings, which another handler may share. */
export function apiOf(settings: ApiSettings): JobsApi {
  const { queue, redact, viewers } = settings;
  const live = new Live({
    queue,
    redact,
    viewers,
    onClosed: () => endStreams(),
    onError: (error) => logFailure(settings, "A live stream could not read the queue.", error, toHttpError(error)),
  });
  const stats = new StatsRing({ queue, onFinished: (listener) => live.onFinished(listener) });
  const services: Services = {
    settings,
    live,
    stats,
    health: coalesced(() => queue.health()),
    waiting: coalesced(() => waitingOf(queue, redact)),
  };
  const router = routerOf(services);
  const endStreams = () => {
    live.endStreams();
    stats.pause();
  };
  const close = () => {
    live.close();
    stats.pause();
  };
  const api = async (request: Request, connection?: Connection): Promise<Response> => {
    try {
      return await router.fetch(request, { connection });
    } catch (error) {
      return refuse(error, settings);
    }
  };
  return Object.assign(api, { close, endStreams });
}

interface Env {
  readonly Bindings: { readonly connection?: Connection };
}

function routerOf(services: Services): Hono<Env> {
  const { settings } = services;
  const router = new Hono<Env>().basePath(settings.basePath || "/");
  for (const route of ROUTES) {
    router.on(route.method, route.path, async (context) => {
      const { req, env } = context;
      const request = req.raw;
      const access = route.method === "GET" ? "read" : "write";
      const answered = settings.guard.check(request, access, env.connection).then((identity) => {
        // HEAD has no body to stream.
        if (route.isStream && request.method === "HEAD") return textResponse("", "text/event-stream");
        const param = (name: string) => req.param(name) ?? "";
        return route.answer({ request, identity, param }, services);
      });
      // A stream that begins after the timeout has to be closed.
      return within(settings.timeoutMs, answered, (late) => void late.body?.cancel());
    });
  }
  for (const [path, routes] of Map.groupBy(ROUTES, ({ path }) => path)) {
    router.all(path, (context) => guarded(services, context.req.raw, context.env, () => notAllowed(routes)));
  }
  router.notFound((context) =>
    guarded(
      services,
      context.req.raw,
      context.env,
      () => new HttpError(404, "not_found", "There is nothing at this path."),
    ),
  );
  router.onError((error) => refuse(error, settings));
  return router;
}

/** Refuses a request only after its sender is authenticated, so that others do not learn which paths exist. */
async function guarded(
  { settings }: Services,
  request: Request,
  env: Env["Bindings"],
  errorOf: () => HttpError,
): Promise<Response> {
  await settings.guard.check(request, "read", env.connection);
  return refuse(errorOf(), settings);
}

function notAllowed(routes: readonly Route[]): HttpError {
  const methods = routes.map(({ method }) => method);
  return new HttpError(
    405,
    "method_not_allowed",
    `Only ${methods.join(" and ")} ${methods.length === 1 ? "is" : "are"} allowed here.`,
    {
      allow: methods.map((method) => (method === "GET" ? "GET, HEAD" : method)).join(", "),
    },
  );
}

function refuse(error: unknown, settings: ApiSettings): Response {
  const httpError = toHttpError(error);
  logFailure(settings, "A request to the jobs API failed.", error, httpError);
  return jsonResponse(errorBody(httpError), httpError.status, httpError.headers);
}

/** Makes concurrent calls share one result. */
function coalesced<T>(call: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  return () => {
    pending ??= call().finally(() => {
      pending = undefined;
    });
    return pending;
  };
}
