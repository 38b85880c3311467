export { calculateCost, type ModelPrice, type Prices, type TokenUsage } from "../llm/prices.ts";
export {
  type Collector,
  getCollector,
  type MetricSnapshot,
  type MetricTags,
  type RecordedRequest,
} from "./collector.ts";
export type { MetricKind, Tags } from "./metric.ts";
export { instrument } from "./open-telemetry.ts";
export { PROMETHEUS_CONTENT_TYPE } from "./prometheus.ts";
export type { Distribution } from "./samples.ts";
export type { JobSummary, ModelUsage, RequestSummary, Summary } from "./summary.ts";
