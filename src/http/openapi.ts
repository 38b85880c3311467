import { VERSION } from "../background/engine/version.ts";
import { INSTANT, ref, SCHEMAS, type Schema, SELECTION } from "./openapi-schemas.ts";
import { PROMETHEUS_TYPE } from "./prometheus.ts";

interface Operation {
  readonly summary: string;
  readonly description?: string;
  /** The name of the request body's schema. */
  readonly body?: string;
  /** By status: a schema's name, or an OpenAPI content object. */
  readonly answers: Readonly<Record<number, string | Schema>>;
  readonly query?: Readonly<Record<string, Schema>>;
}

const EVENTS: Schema = { "text/event-stream": { schema: { type: "string" } } };
const RESUMING =
  "Each event has an id. Sent back as Last-Event-ID, it resumes the stream after that event, or starts it with a snapshot if the event is too old. The event unavailable says that the queue cannot be reached; a snapshot follows when it can.";

/** All operations, by method and path. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  "GET /jobs": {
    summary: "A page of jobs, newest first",
    description:
      "from and to limit the time of creation, which is part of a job's id. search finds a text in payloads; one request examines a limited number of jobs: continue with next.",
    query: SELECTION,
    answers: { 200: "JobPage", 400: "Error" },
  },
  "POST /jobs": {
    summary: "Enqueue a job by the name of its task",
    description: "With an id of the client's own, the request can be repeated safely: the job is stored once.",
    body: "NewJob",
    answers: { 201: "JobId", 400: "Error", 409: "Error", 413: "Error" },
  },
  "POST /jobs/cancel": {
    summary: "Cancel pending and running jobs that match a filter",
    description: "Changes at most one page of jobs. To continue, repeat the request with next as before.",
    body: "Bulk",
    answers: { 200: "BulkAnswer", 400: "Error" },
  },
  "POST /jobs/retry": {
    summary: "Retry failed and cancelled jobs that match a filter",
    description: "Changes at most one page of jobs. To continue, repeat the request with next as before.",
    body: "Bulk",
    answers: { 200: "BulkAnswer", 400: "Error" },
  },
  "GET /jobs/{id}": { summary: "All details of a job", answers: { 200: "JobDetails", 404: "Error" } },
  "GET /jobs/{id}/explain": {
    summary: "Why a job has its status, and what would change it",
    answers: { 200: "Explanation", 404: "Error" },
  },
  "POST /jobs/{id}/cancel": {
    summary: "Cancel a pending or running job",
    body: "By",
    answers: { 200: "Cancelled", 404: "Error", 409: "NotCancelled" },
  },
  "POST /jobs/{id}/retry": {
    summary: "Make a failed or cancelled job pending again",
    body: "Nothing",
    answers: { 200: "Retried", 404: "Error", 409: "NotRetried" },
  },
  "GET /jobs/{id}/events": {
    summary: "Live changes of one job, as server-sent events",
    description: `snapshot has the job's details; job has the changed job, without payload and logs; log has lines that follow those of the snapshot, each sent once; gone says that retention removed the job. ${RESUMING}`,
    answers: { 200: EVENTS, 404: "Error" },
  },
  "GET /waiting": {
    summary: "For each task, the job that has been pending longest, and why it waits",
    description:
      "For the 20 tasks with the most pending jobs; more is how many further tasks have some. The explanation is of the job that has been due longest; of the oldest if none is due, or of the newest if that one started meanwhile.",
    answers: { 200: "Waiting" },
  },
  "GET /counts": { summary: "How many jobs there are, by status and by task", answers: { 200: "Counts" } },
  "GET /health": {
    summary: "Whether jobs can be claimed",
    description: "503 has the health while they cannot be claimed, or an error if the health could not be determined.",
    answers: { 200: "Health", 503: { "application/json": { schema: { anyOf: [ref("Health"), ref("Error")] } } } },
  },
  "GET /tasks": {
    summary: "Tasks that this process has, tasks that have jobs, and tasks that can be enqueued here",
    answers: { 200: "Tasks" },
  },
  "GET /metrics": {
    summary: "Metrics for Prometheus",
    answers: { 200: { [PROMETHEUS_TYPE.split(";")[0] as string]: { schema: { type: "string" } } } },
  },
  "GET /stats": {
    summary: "Data points for charts, recorded while a client requests them",
    query: {
      after: { ...INSTANT, description: "Only points later than this time." },
      tasks: { enum: ["none"], description: "Leaves byTask empty, which with many tasks is most of the answer." },
    },
    answers: { 200: "Stats", 400: "Error" },
  },
  "GET /events": {
    summary: "Live changes of the queue, as server-sent events",
    description: `snapshot and counts have the counts; jobs has the ids of finished jobs. ${RESUMING}`,
    answers: { 200: EVENTS },
  },
  "GET /openapi.json": { summary: "This document", answers: { 200: "Nothing" } },
};

/** Error responses that any operation may give. */
const ALWAYS: Readonly<Record<number, string>> = {
  401: "Error",
  403: "Error",
  429: "Error",
  500: "Error",
  503: "Error",
};

/** The OpenAPI 3.1 document of a jobs API. */
export function openApiDocument(basePath: string): Schema {
  const paths: Record<string, Record<string, Schema>> = {};
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const [method = "", path = ""] = name.split(" ");
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(path, method === "POST", operation) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Jobs",
      version: VERSION,
      description: "The jobs of a queue: list, enqueue, cancel, retry, explain.",
    },
    servers: [{ url: basePath === "" ? "/" : basePath }],
    paths,
    components: { schemas: SCHEMAS },
  };
}

function operationOf(
  path: string,
  isChange: boolean,
  { summary, description, body, query, answers }: Operation,
): Schema {
  const inQuery = Object.entries(query ?? {}).map(([name, schema]) => ({ name, in: "query", schema }));
  const inPath = path.includes("{id}") ? [{ name: "id", in: "path", required: true, schema: { type: "string" } }] : [];
  const all = { ...ALWAYS, ...(isChange && { 415: "Error", 413: "Error", 400: "Error" }), ...answers };
  const lastEvent = path.endsWith("/events")
    ? [{ name: "last-event-id", in: "header", schema: { type: "string" } }]
    : [];
  return {
    summary,
    ...(description !== undefined && { description }),
    parameters: [...inPath, ...inQuery, ...lastEvent],
    ...(body !== undefined && { requestBody: { content: json(body) } }),
    responses: Object.fromEntries(
      Object.entries(all).map(([status, answer]) => [
        status,
        {
          description: Number(status) < 400 ? "Success" : "Rejected or failed",
          content: typeof answer === "string" ? json(answer) : answer,
        },
      ]),
    ),
  };
}

function json(name: string): Schema {
  return { "application/json": { schema: ref(name) } };
}
