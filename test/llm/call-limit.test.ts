import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { CallLimit } from "../../src/llm/call-limit.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
});

function limited(signals: readonly (AbortSignal | undefined)[] = []) {
  const heard: unknown[] = [];
  const limit = new CallLimit({ model: "m", signals, timeoutMs: 1_000, onAbort: (reason) => heard.push(reason) });
  return { limit, heard };
}

test("a call that waits too long is ended, once, and says how long it waited", () => {
  const { limit, heard } = limited();
  vi.advanceTimersByTime(999);
  expect(limit.signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(limit.signal.reason).toMatchObject({ code: "llm_timeout", message: expect.stringContaining("1000 ms") });
  vi.advanceTimersByTime(5_000);
  expect(heard).toEqual([limit.signal.reason]);
});

test("a sign of life begins the wait anew", () => {
  const { limit } = limited();
  for (let count = 0; count < 5; count++) {
    vi.advanceTimersByTime(999);
    limit.renew();
  }
  expect(limit.signal.aborted).toBe(false);
  vi.advanceTimersByTime(1_000);
  expect(limit.signal.aborted).toBe(true);
});

test("while it is held nothing is waited for, however long, and then the wait begins anew", () => {
  const { limit } = limited();
  limit.pause();
  vi.advanceTimersByTime(60_000);
  limit.renew();
  vi.advanceTimersByTime(999);
  expect(limit.signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(limit.signal.aborted).toBe(true);
});

test("the first of its signals ends it, with that one's reason, after whoever has to know first", () => {
  const [one, two] = [new AbortController(), new AbortController()];
  let wasAborted: boolean | undefined;
  const limit: CallLimit = new CallLimit({
    model: "m",
    signals: [one.signal, undefined, two.signal],
    timeoutMs: 1_000,
    onAbort: () => {
      wasAborted = limit.signal.aborted;
    },
  });
  two.abort("enough");
  one.abort("too late");
  expect([limit.signal.reason, wasAborted]).toEqual(["enough", false]);
});

test("a call that is over ends what is left of it, and hears of nothing more", () => {
  const controller = new AbortController();
  const { limit, heard } = limited([controller.signal]);
  limit.release();
  expect(limit.signal.aborted).toBe(true);
  controller.abort("too late");
  vi.advanceTimersByTime(60_000);
  expect(heard).toEqual([]);
});
