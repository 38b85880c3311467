import { expect, test } from "vitest";
import { JOB_STATUSES, JobStatus, parseJobStatus } from "../../../src/background/core/status.ts";

test("the five states are words, and JobStatus has each by its name", () => {
  expect(JobStatus).toEqual({
    PENDING: "pending",
    RUNNING: "running",
    COMPLETED: "completed",
    FAILED: "failed",
    CANCELLED: "cancelled",
  });
  expect(JOB_STATUSES).toEqual(["pending", "running", "completed", "failed", "cancelled"]);
});

test("parseJobStatus takes each of the five", () => {
  for (const status of JOB_STATUSES) expect(parseJobStatus(status)).toBe(status);
});

test.each(["", "PENDING", "Pending", " pending", "done", "toString", "__proto__", null, undefined, 1, ["pending"], {}])(
  "parseJobStatus refuses %j with an error about input that lists the five",
  (text) => {
    expect(() => parseJobStatus(text)).toThrow(
      expect.objectContaining({
        name: "JobError",
        code: "invalid_status",
        isInputError: true,
        message: expect.stringContaining("pending, running, completed, failed, cancelled"),
      }),
    );
  },
);

test("a long text is not repeated in full", () => {
  expect(() => parseJobStatus("x".repeat(100_000))).toThrow(/^.{40,200}$/);
});
