import * as api from "@opentelemetry/api";
import fc from "fast-check";
import { expect, test } from "vitest";
import { spanContextOf, traceTextOf } from "../../src/monitoring/trace-text.ts";

const context = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 };
const PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

test("a span's context is a traceparent, and comes back from it", () => {
  expect(traceTextOf(context)).toBe(PARENT);
  expect(spanContextOf(PARENT, api)).toEqual({ ...context, isRemote: true });
});

test("a tracestate goes along behind it, unless there is no room for it", () => {
  const traceState = api.createTraceState("vendor=1,other=2");
  const text = traceTextOf({ ...context, traceState });
  expect(text).toBe(`${PARENT} vendor=1,other=2`);
  expect(spanContextOf(text, api)?.traceState?.get("other")).toBe("2");
  const long = api.createTraceState(`a=${"x".repeat(250)},b=${"x".repeat(250)}`);
  expect(traceTextOf({ ...context, traceState: long })).toBe(PARENT);
});

test("a tracestate comes back whole, with spaces in it too", () => {
  const traceState = api.createTraceState("vendor=one two three,other=2");
  const text = traceTextOf({ ...context, traceState });
  expect(spanContextOf(text, api)?.traceState?.serialize()).toBe("vendor=one two three,other=2");
});

test("a context that is none has no text", () => {
  expect(traceTextOf({ ...context, traceId: "0".repeat(32) })).toBeNull();
  expect(traceTextOf({ ...context, spanId: "" })).toBeNull();
});

test("any other text names no span, and none throws", () => {
  for (const text of [null, "", "x", PARENT.toUpperCase(), PARENT.slice(1), `${PARENT}0`, `01${PARENT.slice(2)}`])
    expect(spanContextOf(text, api)).toBeNull();
  expect(spanContextOf(`00-${"0".repeat(32)}-b7ad6b7169203331-01`, api)).toBeNull();
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      spanContextOf(text, api);
      spanContextOf(`${PARENT} ${text}`, api);
    }),
  );
});
