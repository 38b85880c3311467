export type { Connection } from "../app/connection.ts";
export type { JobsApiLimits, JobsApiOptions } from "./api-options.ts";
export { type Dashboard, type DashboardOptions, dashboard } from "./dashboard/dashboard.ts";
export type { Auth, Identity } from "./guard.ts";
export { type JobsApi, jobsApi } from "./jobs-api.ts";
export type { Redact, ShownJob } from "./redaction.ts";
export type { Quantiles, Stats, StatsPoint } from "./stats.ts";
