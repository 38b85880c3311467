import { expect, test } from "vitest";
import { PermanentError, RetryAfterError } from "../../../src/background/core/endings.ts";
import { JobError, type JobErrorCode } from "../../../src/background/core/errors.ts";

test("a JobError is an error with a code, its job, its task and its cause", () => {
  const cause = new Error("c");
  const error = new JobError("id_conflict", "the sentence", { cause, jobId: "the id", task: "mail" });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: "JobError", code: "id_conflict", jobId: "the id", task: "mail", cause });
  expect(String(error)).toBe("JobError: the sentence");
  expect("cause" in new JobError("id_conflict", "the sentence")).toBe(false);
});

test("errors about input are told apart from all others", () => {
  const isInput = (code: JobErrorCode): boolean => new JobError(code, "m").isInputError;
  const input: JobErrorCode[] = [
    "invalid_status",
    "invalid_id",
    "invalid_payload",
    "invalid_filter",
    "not_serializable",
    "payload_too_large",
  ];
  for (const code of input) expect(isInput(code)).toBe(true);
  const others: JobErrorCode[] = [
    "invalid_option",
    "result_too_large",
    "queue_unavailable",
    "wait_timeout",
    "id_conflict",
    "queue_closed",
  ];
  for (const code of others) expect(isInput(code)).toBe(false);
});

test("a PermanentError has a message and a cause", () => {
  const cause = new Error("c");
  expect(new PermanentError("card stolen", { cause })).toMatchObject({
    name: "PermanentError",
    message: "card stolen",
    cause,
  });
  expect("cause" in new PermanentError("m")).toBe(false);
});

test("a RetryAfterError has its delay in milliseconds, and its message says it by default", () => {
  expect(new RetryAfterError("90s")).toMatchObject({
    name: "RetryAfterError",
    delayMs: 90_000,
    message: "Retry after 90000 ms",
  });
  expect(new RetryAfterError(5, "busy", { cause: 7 })).toMatchObject({ delayMs: 5, message: "busy", cause: 7 });
});

test("a RetryAfterError with an invalid delay is an error at once", () => {
  for (const delay of [-1, Number.NaN, "soon"])
    expect(() => new RetryAfterError(delay as number)).toThrow(expect.objectContaining({ code: "invalid_option" }));
});
