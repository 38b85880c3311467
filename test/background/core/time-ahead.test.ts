import { expect, test } from "vitest";
import { timeAheadWarning } from "../../../src/background/core/time-ahead.ts";

test("how far the time is ahead, and how long it takes to catch up, are told in units that people read", () => {
  expect(timeAheadWarning("The clock was set back", "the time of jobs.db", 7_200_000)).toMatchObject({
    message: expect.stringContaining("the time of jobs.db is 2 h ahead of it"),
    remedy: expect.stringContaining("it takes about 20 h to catch up"),
  });
});

test("a time that is ahead by five seconds is no reason to warn, and by more it is", () => {
  expect(timeAheadWarning("The clock was set back", "the time of jobs.db", 5_000)).toBe(undefined);
  expect(timeAheadWarning("The clock was set back", "the time of jobs.db", 5_001)).toMatchObject({
    code: "time_ahead",
  });
});
