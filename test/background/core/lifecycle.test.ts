import fc from "fast-check";
import { expect, test } from "vitest";
import {
  isCancellable,
  isClaimable,
  isDone,
  isHeldBy,
  isLost,
  isRetryable,
  NEXT,
} from "../../../src/background/core/lifecycle.ts";
import { JOB_STATUSES, type JobStatus } from "../../../src/background/core/status.ts";

const status: fc.Arbitrary<JobStatus> = fc.constantFrom(...JOB_STATUSES);

test("the transitions are those of the diagram of states", () => {
  expect(NEXT).toEqual({
    pending: ["running", "cancelled"],
    running: ["pending", "completed", "failed", "cancelled"],
    completed: [],
    failed: ["pending"],
    cancelled: ["pending"],
  });
});

test("a job is done when no worker can do more for it", () => {
  expect(JOB_STATUSES.filter(isDone)).toEqual(["completed", "failed", "cancelled"]);
  for (const each of JOB_STATUSES) expect(isDone(each)).toBe(!NEXT[each].some((next) => next === "cancelled"));
});

test("the guards allow what the table of transitions allows, and nothing else", () => {
  fc.assert(
    fc.property(status, fc.nat(10), fc.nat(10), fc.constantFrom("a", "b", null), (from, now, at, token) => {
      const allows = (to: JobStatus): boolean => NEXT[from].includes(to);
      expect(isClaimable({ status: from, runAt: at }, now)).toBe(allows("running") && at <= now);
      expect(isCancellable(from)).toBe(allows("cancelled"));
      // Only a running job can be completed or failed: by the token that holds it.
      expect(isHeldBy({ status: from, token }, "a")).toBe(allows("completed") && allows("failed") && token === "a");
      expect(isLost({ status: from, leaseEndsAt: at }, now)).toBe(allows("completed") && at <= now);
      expect(isRetryable(from)).toBe(isDone(from) && allows("pending"));
    }),
  );
});

test("a job can be claimed from the instant it is due, and is lost from the instant its lease ends", () => {
  expect(isClaimable({ status: "pending", runAt: 5 }, 4)).toBe(false);
  expect(isClaimable({ status: "pending", runAt: 5 }, 5)).toBe(true);
  expect(isLost({ status: "running", leaseEndsAt: 5 }, 4)).toBe(false);
  expect(isLost({ status: "running", leaseEndsAt: 5 }, 5)).toBe(true);
});

test("completed is final; failed and cancelled last until a retry by hand", () => {
  expect(JOB_STATUSES.filter(isRetryable)).toEqual(["failed", "cancelled"]);
  expect(NEXT.completed).toEqual([]);
});
