import { settlesWithin } from "../background/engine/bounded.ts";
import { type Counts, pendingTasks } from "../background/engine/counts.ts";
import type { Health } from "../background/engine/health.ts";
import type { OldestDue } from "../background/engine/oldest-due.ts";
import type { ApiSettings } from "./api-options.ts";
import { type BulkKind, changeJobs } from "./bulk-changes.ts";
import { enqueueFrom, namesOf } from "./enqueueing.ts";
import type { Identity } from "./guard.ts";
import { jsonResponse, textResponse } from "./headers.ts";
import { errorBody, HttpError, invalidRequest, noSuchJob } from "./http-error.ts";
import { isUnfiltered, parseSelection, queryOf } from "./job-filter.ts";
import { pageText } from "./job-pages.ts";
import type { Live } from "./live.ts";
import { openApiDocument } from "./openapi.ts";
import { PROMETHEUS_TYPE, prometheusText } from "./prometheus.ts";
import { explainShown, showJob } from "./redaction.ts";
import { readJsonObject } from "./request-body.ts";
import type { StatsPoint, StatsRing } from "./stats.ts";
import { parseInstant } from "./time-bounds.ts";
import type { Waiting } from "./waiting.ts";

/** An authenticated request. */
interface Call {
  readonly request: Request;
  readonly identity: Identity;
  param(name: string): string;
}

/** What routes use to answer. */
export interface Services {
  readonly settings: ApiSettings;
  readonly live: Live;
  readonly stats: StatsRing;
  /** Probes the backend; concurrent calls share one result. */
  readonly health: () => Promise<Health>;
  /** Finds the jobs that have waited longest; concurrent calls share one result. */
  readonly waiting: () => Promise<Waiting>;
}

export interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Whether the response is a stream, open until the client disconnects. */
  readonly isStream?: true;
  readonly answer: (call: Call, services: Services) => Promise<Response>;
}

/** How long `/metrics` waits for what is read of the jobs before it answers without it. */
const JOBS_TIMEOUT_MS = 2_000;

/** All routes, relative to the base path. Literal segments have to precede parameters. */
export const ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/jobs",
    answer: async ({ request }, { settings: { queue, redact, pages } }) =>
      textResponse(await pageText(queue, parseSelection(queryOf(request)), redact, pages), "application/json"),
  },
  {
    method: "POST",
    path: "/jobs",
    answer: async ({ request }, { settings }) =>
      jsonResponse({ jobId: await enqueueFrom(await readJsonObject(request, settings.bodyLimit), settings) }, 201),
  },
  ...(["cancel", "retry"] satisfies BulkKind[]).map(
    (kind): Route => ({
      method: "POST",
      path: `/jobs/${kind}`,
      answer: async ({ request, identity }, { settings: { queue, redact, pages, bodyLimit } }) => {
        const body = await readJsonObject(request, bodyLimit);
        const selection = parseSelection(new Map(Object.entries(body)), ["by", "all"]);
        if (isUnfiltered(selection) && body.all !== true) {
          throw invalidRequest(`This would ${kind} all jobs: set a filter, or all: true if that is intended.`);
        }
        return jsonResponse(await changeJobs(kind, queue, selection, cancellerOf(identity, body.by), redact, pages));
      },
    }),
  ),
  {
    method: "GET",
    path: "/jobs/:id",
    answer: async (call, { settings: { queue, redact } }) => {
      const job = await queue.getDetails(call.param("id"));
      if (job === null) throw noSuchJob();
      return jsonResponse(showJob(job, redact));
    },
  },
  {
    method: "GET",
    path: "/jobs/:id/explain",
    answer: async (call, { settings: { queue, redact } }) => {
      const explanation = await explainShown(queue, call.param("id"), redact);
      if (explanation === null) throw noSuchJob();
      return jsonResponse(explanation);
    },
  },
  {
    method: "POST",
    path: "/jobs/:id/cancel",
    answer: async (call, { settings: { queue, bodyLimit } }) => {
      const { by } = await readJsonObject(call.request, bodyLimit);
      const id = call.param("id");
      const isCancelled = await queue.cancel(id, { by: cancellerOf(call.identity, by) });
      if (isCancelled) return jsonResponse({ isCancelled });
      if ((await queue.getResult(id)) === null) throw noSuchJob();
      const error = new HttpError(409, "not_cancellable", "The job is already done, so it was not cancelled.");
      return jsonResponse({ isCancelled, ...errorBody(error) }, error.status);
    },
  },
  {
    method: "POST",
    path: "/jobs/:id/retry",
    answer: async (call, { settings: { queue } }) => {
      const id = call.param("id");
      const isRetried = await queue.retry(id);
      if (isRetried) return jsonResponse({ isRetried });
      if ((await queue.getResult(id)) === null) throw noSuchJob();
      const error = new HttpError(409, "not_retryable", "Only failed and cancelled jobs can be retried.");
      return jsonResponse({ isRetried, ...errorBody(error) }, error.status);
    },
  },
  {
    method: "GET",
    path: "/jobs/:id/events",
    isStream: true,
    answer: (call, { live }) => live.ofJob(call.param("id"), call.request),
  },
  {
    method: "GET",
    path: "/waiting",
    answer: async (_, { waiting }) => jsonResponse(await waiting()),
  },
  {
    method: "GET",
    path: "/counts",
    answer: async (_, { settings: { queue } }) => jsonResponse(await queue.counts()),
  },
  {
    method: "GET",
    path: "/health",
    answer: async (_, { health }) => {
      const answer = await health();
      return jsonResponse(answer, answer.isHealthy ? 200 : 503);
    },
  },
  {
    method: "GET",
    path: "/tasks",
    answer: async (_, { settings }) => {
      const here = [...new Set([...namesOf(settings), ...settings.queue.taskNames])].sort();
      const stored = Object.keys((await settings.queue.counts()).byTask).sort();
      return jsonResponse({ here, stored, enqueueable: [...namesOf(settings)].sort() });
    },
  },
  {
    method: "GET",
    path: "/metrics",
    answer: async (_, { settings: { queue, metrics }, health }) => {
      // Called first: if it threw after the calls below had begun, their rejections would be unhandled.
      const custom = metrics?.() ?? "";
      // Answers even if the store hangs, so that monitoring sees that it is not healthy.
      let counts: Counts | null = null;
      let due: OldestDue[] | null = null;
      const read = async () => {
        counts = await queue.counts();
        due = await queue.oldestDue({ tasks: pendingTasks(counts) });
      };
      const [state, text] = await Promise.all([health(), custom, settlesWithin(JOBS_TIMEOUT_MS, read())]);
      return textResponse(prometheusText(counts, due, state) + text, PROMETHEUS_TYPE);
    },
  },
  {
    method: "GET",
    path: "/stats",
    answer: async ({ request }, { stats }) => {
      const query = queryOf(request);
      const [after, tasks] = [query.get("after"), query.get("tasks")];
      if (tasks !== undefined && tasks !== "none") throw invalidRequest("The tasks must be none, or be left out.");
      const { everyMs, points } = await stats.read(after === undefined ? 0 : parseInstant(after, "after"));
      return jsonResponse({ everyMs, points: tasks === undefined ? points : points.map(withoutTasks) });
    },
  },
  { method: "GET", path: "/events", isStream: true, answer: (call, { live }) => live.ofQueue(call.request) },
  {
    method: "GET",
    path: "/openapi.json",
    answer: async (_, { settings }) => jsonResponse(openApiDocument(settings.basePath)),
  },
];

/** With many tasks, their counts are most of the answer. */
function withoutTasks(point: StatsPoint): StatsPoint {
  return { ...point, byTask: {} };
}

/** A user with a name cannot cancel under another one. */
function cancellerOf({ name }: Identity, by: unknown): string | undefined {
  if (by !== undefined && typeof by !== "string") throw invalidRequest("The by must be a string: who cancels the job.");
  // A program without types may use a number, such as the user's id.
  return name == null ? by : String(name);
}
