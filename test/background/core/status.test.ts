import { expect, test } from "vitest";
import { JOB_STATUSES, JobStatus, parseJobStatus } from "../../../src/background/core/status.ts";

test("JobStatus has the five states by their names", () => {
  expect(JobStatus).toEqual({
    PENDING: "pending",
    RUNNING: "running",
    COMPLETED: "completed",
    FAILED: "failed",
    CANCELLED: "cancelled",
  });
  expect(JOB_STATUSES).toEqual(["pending", "running", "completed", "failed", "cancelled"]);
});

test("parseJobStatus accepts each of the five states", () => {
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

test("parseJobStatus does not repeat a long text in full", () => {
  expect(() => parseJobStatus("x".repeat(100_000))).toThrow(/^.{40,200}$/);
});
