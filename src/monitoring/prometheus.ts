import type { Tags } from "./metric.ts";
import type { AnyMetric } from "./registry.ts";
import { Samples } from "./samples.ts";

/** The `content-type` to serve {@link exposition} with. */
export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const QUANTILES = [0.5, 0.95, 0.99];

/**
 * Formats metrics in Prometheus's text format, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). If two metrics' names become the same there, the
 * first one keeps the name.
 */
export function exposition(metrics: readonly AnyMetric[]): string {
  const names = new Set<string>();
  const lines: string[] = [];
  for (const metric of metrics) {
    const { series } = metric;
    // Also for a metric without series, so that its later values do not change the names of the metrics after it.
    const name = freeName(nameOf(metric.name), metric.kind, names);
    if (series.length === 0) continue;
    lines.push(`# HELP ${name} ${escapeHelp(metric.help)}`, `# TYPE ${name} ${metric.kind}`);
    for (const { tags, value } of series) {
      const labels = labelsOf(tags);
      if (value instanceof Samples) lines.push(...samplesLines(name, metric.kind, labels, value));
      else lines.push(line(name, labels, value.value));
    }
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function samplesLines(name: string, kind: string, labels: readonly string[], samples: Samples): string[] {
  const { count, sum } = samples;
  const totals = [line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, count)];
  if (kind === "summary") {
    const values = samples.quantiles(QUANTILES);
    const quantiles = QUANTILES.map((share, at) =>
      line(name, [...labels, `quantile="${share}"`], values[at] as number),
    );
    return [...quantiles, ...totals];
  }
  let upTo = 0;
  const buckets = samples.buckets.map((inBucket, at) => {
    upTo += inBucket;
    const bound = samples.bounds[at];
    return line(`${name}_bucket`, [...labels, `le="${bound === undefined ? "+Inf" : bound}"`], upTo);
  });
  return [...buckets, ...totals];
}

function line(name: string, labels: readonly string[], value: number): string {
  return `${name}${labels.length === 0 ? "" : `{${labels.join(",")}}`} ${numberText(value)}`;
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}

/** Replaces characters that metric names may not have; colons are reserved for recording rules. */
function nameOf(name: string): string {
  const text = name.replace(/[^a-zA-Z0-9_]/g, "_");
  return /^[0-9]/.test(text) ? `_${text}` : text;
}

/** Distinct names may become the same one, and a metric has samples under several names: none may collide. */
function freeName(name: string, kind: string, taken: Set<string>): string {
  const suffixes = { counter: [""], gauge: [""], summary: ["", "_sum", "_count"] }[kind] ?? [
    "",
    "_bucket",
    "_sum",
    "_count",
  ];
  let free = name;
  while (suffixes.some((suffix) => taken.has(free + suffix))) free += "_";
  for (const suffix of suffixes) taken.add(free + suffix);
  return free;
}

function labelsOf(tags: Tags): string[] {
  const taken = new Set(["le", "quantile"]);
  return Object.entries(tags).map(([tag, value]) => {
    // Names that begin with two underscores are reserved by Prometheus.
    const base = nameOf(tag).replace(/^__+/, "_") || "_";
    let name = base;
    for (let number = 2; taken.has(name); number++) name = `${base}${number}`;
    taken.add(name);
    return `${name}="${escapeValue(value)}"`;
  });
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
