import type { Connection } from "../../app/connection.ts";
import { forward } from "../../app/mount.ts";
import { JobError } from "../../background/core/errors.ts";
import { apiSettings, type JobsApiOptions } from "../api-options.ts";
import { jsonResponse } from "../headers.ts";
import { errorBody, HttpError, toHttpError } from "../http-error.ts";
import { apiOf, type JobsApi } from "../jobs-api.ts";
import { logFailure } from "../log-failure.ts";
import { siteResponse, textPage } from "./site.ts";

/** How a dashboard is set up: as its API is, which lies at `api` beneath it. */
export interface DashboardOptions extends Omit<JobsApiOptions, "basePath"> {
  /**
   * Where the browser sees the dashboard, such as `"/dashboard"`. Requests may come with this path before theirs, or
   * without it, as `App.mount` hands them on. Default: the top of the host.
   */
  readonly basePath?: string | undefined;
  /** What the page calls itself. Default: `"RapidAI"`. */
  readonly title?: string | undefined;
}

/** A web-standard fetch handler, with what its API has: see {@link JobsApi}. */
export type Dashboard = JobsApi;

/**
 * A dashboard of a queue as a fetch handler, with nothing to build or to install: overview, jobs, one job, why it waits.
 *
 * Without `auth` it answers requests of this machine alone.
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
  if (typeof title !== "string") throw new JobError("invalid_option", "The title of dashboard() has to be a text.");
  const settings = apiSettings({ ...apiOptions, basePath });
  const { guard } = settings;
  // One guard for both: who guesses at the page has guessed at the API, too.
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
      throw new HttpError(405, "method_not_allowed", "Only GET can be sent here.", { allow: "GET, HEAD" });
    }
    const site = { title, basePath: settings.basePath, isReadOnly: !guard.mayWrite(identity) };
    // Mounted at `/jobs`, a path that is handed on without the mount's can look as if it were with it.
    const response = (await siteResponse(path, request, site)) ?? (await siteResponse(pathname, request, site));
    if (response !== null) return response;
    throw new HttpError(
      404,
      "not_found",
      `There is nothing at ${pathname}. A dashboard that is mounted beneath a path has to be given it: dashboard({ basePath }).`,
    );
  };

  const handler = async (request: Request, connection?: Connection): Promise<Response> => {
    try {
      return await answer(request, connection);
    } catch (error) {
      const told = toHttpError(error);
      logFailure(settings, "A request to the dashboard failed.", error, told);
      const isForProgram = new URL(request.url).pathname.includes("/api/");
      return isForProgram ? jsonResponse(errorBody(told), told.status, told.headers) : textPage(told);
    }
  };
  return Object.assign(handler, { close: api.close, endStreams: api.endStreams });
}
