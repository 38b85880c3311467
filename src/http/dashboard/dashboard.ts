import type { Connection } from "../../app/connection.ts";
import { forward } from "../../app/mount.ts";
import { JobError } from "../../background/core/errors.ts";
import { apiSettings, type JobsApiOptions } from "../api-options.ts";
import { jsonResponse } from "../headers.ts";
import { errorBody, HttpError, toHttpError } from "../http-error.ts";
import { apiOf, type JobsApi } from "../jobs-api.ts";
import { logFailure } from "../log-failure.ts";
import { siteResponse, textPage } from "./site.ts";

/** Options of {@link dashboard}: those of its API, which is at `/api` below the dashboard, and a title. */
export interface DashboardOptions extends Omit<JobsApiOptions, "basePath"> {
  /**
   * The dashboard's path as the browser sees it, such as `"/dashboard"`. The paths of requests may include it, or lack
   * it as those that `App.mount` forwards. Default: the root of the host.
   */
  readonly basePath?: string | undefined;
  /** The title of the page. Default: `"RapidAI"`. */
  readonly title?: string | undefined;
}

/** A web-standard fetch handler, with the methods of its API: see {@link JobsApi}. */
export type Dashboard = JobsApi;

/**
 * Creates a dashboard of a queue as a fetch handler, with nothing to build or install. It shows an overview, the list
 * of jobs, each job, and why jobs wait.
 *
 * Without `auth`, only requests from this machine are answered.
 *
 * @throws JobError `invalid_option`
 * @example
 * ```ts
 * const app = new App().mount("/dashboard", dashboard({ queue, basePath: "/dashboard" }));
 * await app.run({ port: 8000 }); // http://127.0.0.1:8000/dashboard
 * ```
 */
export function dashboard(options: DashboardOptions): Dashboard {
  const { title = "RapidAI", basePath, ...apiOptions } = options;
  if (typeof title !== "string") throw new JobError("invalid_option", "The title of dashboard() must be a string.");
  const settings = apiSettings({ ...apiOptions, basePath });
  const { guard } = settings;
  // The page and the API share one guard, so that failed logins at either count against the same rate limit.
  const api = apiOf({ ...settings, basePath: "" });
  const base = settings.basePath.split("/").slice(1);

  const answer = async (request: Request, connection: Connection | undefined): Promise<Response> => {
    const { pathname } = new URL(request.url);
    const isWhole = pathname === settings.basePath || pathname.startsWith(`${settings.basePath}/`);
    const path = isWhole ? pathname.slice(settings.basePath.length) || "/" : pathname;
    if (path.startsWith("/api/")) {
      const prefix = isWhole ? [...base, "api"] : ["api"];
      return forward({ prefix, fetch: (request) => api(request, connection) }, request);
    }
    const identity = await guard.check(request, "page", connection);
    if (request.method !== "GET" && request.method !== "HEAD") {
      throw new HttpError(405, "method_not_allowed", "Only GET is allowed here.", { allow: "GET, HEAD" });
    }
    const site = { title, basePath: settings.basePath, isReadOnly: !guard.mayWrite(identity) };
    // A forwarded path without the prefix may still begin like it: mounted at `/jobs`, the dashboard has a screen `/jobs`.
    const response = (await siteResponse(path, request, site)) ?? (await siteResponse(pathname, request, site));
    if (response !== null) return response;
    throw new HttpError(
      404,
      "not_found",
      `There is nothing at ${pathname}. If the dashboard is mounted under a path, pass that path to it: dashboard({ basePath }).`,
    );
  };

  const handler = async (request: Request, connection?: Connection): Promise<Response> => {
    try {
      return await answer(request, connection);
    } catch (error) {
      const httpError = toHttpError(error);
      logFailure(settings, "A request to the dashboard failed.", error, httpError);
      const isForApi = new URL(request.url).pathname.includes("/api/");
      return isForApi ? jsonResponse(errorBody(httpError), httpError.status, httpError.headers) : textPage(httpError);
    }
  };
  return Object.assign(handler, { close: api.close, endStreams: api.endStreams });
}
