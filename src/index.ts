export { App, type AppOptions } from "./app/app.ts";
export type { Connection } from "./app/connection.ts";
export type { RouteContext, RouteHandler, RouteMethod, RouteOptions } from "./app/endpoint.ts";
export type { RouteInput } from "./app/input.ts";
export type { Mountable } from "./app/mount.ts";
export type { Reply } from "./app/reply.ts";
export type { PathParams } from "./app/route-path.ts";
export type { AppServer, RunOptions } from "./app/server.ts";
export {
  background,
  currentJob,
  type Duration,
  getQueue,
  InMemoryQueue,
  type Job,
  JobError,
  type JobResult,
  JobStatus,
  type Logger,
  PermanentError,
  parseJobStatus,
  RetryAfterError,
} from "./background/index.ts";
export { LLM, type LLMOptions } from "./llm/llm.ts";
export type { CallOptions, ChatMessage, LLMClient } from "./llm/llm-client.ts";
export type { ModelObject, ProviderName } from "./llm/model-name.ts";
export type { ModelPrice, Prices } from "./llm/prices.ts";
