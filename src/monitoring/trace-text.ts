import type * as OpenTelemetry from "@opentelemetry/api";
import { MAX_TRACE_BYTES } from "../background/core/limits.ts";

type SpanContext = OpenTelemetry.SpanContext;

/** https://www.w3.org/TR/trace-context/#traceparent-header, version 00. */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The trace context that a job carries: a `traceparent`, followed by a space and the `tracestate` if it fits. */
export function traceTextOf({ traceId, spanId, traceFlags, traceState }: SpanContext): string | null {
  const parent = `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, "0")}`;
  if (!TRACEPARENT.test(parent)) return null;
  const state = traceState?.serialize() ?? "";
  const whole = `${parent} ${state}`;
  return state === "" || Buffer.byteLength(whole) > MAX_TRACE_BYTES ? parent : whole;
}

/** Parses such a text; `null` if it is invalid, since a store may contain any text. */
export function spanContextOf(text: string | null, api: typeof OpenTelemetry): SpanContext | null {
  if (text === null) return null;
  // A tracestate may contain spaces.
  const [parent = "", ...rest] = text.split(" ");
  const state = rest.join(" ");
  const [, traceId, spanId, flags] = TRACEPARENT.exec(parent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  const context: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return state === "" ? context : { ...context, traceState: api.createTraceState(state) };
}
