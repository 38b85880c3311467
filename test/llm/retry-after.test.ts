import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resetMs, retryAfterMs } from "../../src/llm/retry-after.ts";

const NOW = Date.parse("2026-05-01T12:00:00Z");
const DAY_MS = 86_400_000;

describe("what a server says in so many words", () => {
  test.each([
    [{ "retry-after": "7" }, 7_000],
    [{ "retry-after": " 2.5 " }, 2_500],
    [{ "retry-after-ms": "1234" }, 1_234],
    [{ "retry-after-ms": "12.3", "retry-after": "60" }, 13],
    [{ "retry-after": "Fri, 01 May 2026 12:01:30 GMT" }, 90_000],
    // A server whose clock is an hour behind means the same wait.
    [{ "retry-after": "Fri, 01 May 2026 11:01:30 GMT", date: "Fri, 01 May 2026 11:00:00 GMT" }, 90_000],
    [{ "retry-after": "999999999" }, DAY_MS],
  ])("%o is a wait of %d ms", (headers, ms) => {
    expect(retryAfterMs(headers, NOW)).toBe(ms);
  });

  test.each([
    {},
    { "retry-after": "" },
    { "retry-after": "0" },
    { "retry-after": "-5" },
    { "retry-after": "soon" },
    { "retry-after": "1e9" },
    { "retry-after": "Fri, 01 May 2026 11:59:00 GMT" },
    { "retry-after-ms": "NaN" },
    { "x-ratelimit-reset": "5" },
  ])("%o says nothing", (headers) => {
    expect(retryAfterMs(headers, NOW)).toBe(null);
  });
});

describe("the headers in which a provider counts", () => {
  test.each([
    [{ "anthropic-ratelimit-requests-reset": "2026-05-01T12:00:42Z" }, 42_000],
    [{ "x-ratelimit-reset-requests": "1s" }, 1_000],
    [{ "x-ratelimit-reset-tokens": "6m0s" }, 360_000],
    [{ "x-ratelimit-reset-tokens": "1h2m3.5s" }, 3_723_500],
    [{ "x-ratelimit-reset-requests": "20ms" }, 20],
    [{ "x-ratelimit-reset": "30" }, 30_000],
    [{ "x-ratelimit-reset": String(NOW / 1_000 + 15) }, 15_000],
    [{ "x-ratelimit-reset": String(NOW + 15_000) }, 15_000],
    [{ "ratelimit-reset": "9" }, 9_000],
    [{ "anthropic-ratelimit-tokens-reset": "2026-05-01T11:00:42Z", date: "Fri, 01 May 2026 11:00:00 GMT" }, 42_000],
    [{ "x-ratelimit-reset-requests": "400h" }, DAY_MS],
  ])("%o tell of a wait of %d ms", (headers, ms) => {
    expect(resetMs(headers, NOW)).toBe(ms);
  });

  test("tell of the limit of which nothing remains, and of several of those the last to be over", () => {
    const headers = {
      "anthropic-ratelimit-requests-remaining": "49",
      "anthropic-ratelimit-requests-reset": "2026-05-01T12:30:00Z",
      "anthropic-ratelimit-input-tokens-remaining": "0",
      "anthropic-ratelimit-input-tokens-reset": "2026-05-01T12:00:10Z",
      "anthropic-ratelimit-output-tokens-remaining": "0",
      "anthropic-ratelimit-output-tokens-reset": "2026-05-01T12:00:20Z",
    };
    expect(resetMs(headers, NOW)).toBe(20_000);
  });

  test.each([
    {},
    { "x-ratelimit-reset-requests": "" },
    { "x-ratelimit-reset-requests": "later" },
    { "anthropic-ratelimit-requests-reset": "2026-05-01T11:00:00Z" },
    { "x-ratelimit-remaining-requests": "0" },
    { "retry-after": "5" },
  ])("%o tell nothing", (headers) => {
    expect(resetMs(headers, NOW)).toBe(null);
  });
});

test("whatever a header holds, a wait is a whole number of milliseconds up to a day, or none", () => {
  const name = fc.constantFrom(
    "retry-after",
    "retry-after-ms",
    "date",
    "x-ratelimit-reset",
    "anthropic-ratelimit-x-reset",
  );
  const text = fc.oneof(
    fc.string(),
    fc.double().map(String),
    fc.date().map(String),
    fc.stringMatching(/^\d+(ms|s|m|h)$/),
  );
  fc.assert(
    fc.property(fc.dictionary(name, text), (headers) => {
      for (const ms of [retryAfterMs(headers, NOW), resetMs(headers, NOW)])
        expect(ms === null || (Number.isInteger(ms) && ms > 0 && ms <= DAY_MS)).toBe(true);
    }),
  );
});
