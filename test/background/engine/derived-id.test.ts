import { background, InMemoryQueue, jobIdOf, newJobId } from "rapidai/background";
import { expect, onTestFinished, test } from "vitest";
import { isJobId } from "../../../src/background/core/names.ts";

const AT = new Date("2026-03-01T12:00:00.123Z");

test("a key has the same id at any time and in any version: jobs are stored under it", () => {
  // The time, then the first 32 bits of the key's SHA-256, and its bits 86 to 127, without the bits of version and variant.
  expect(jobIdOf("charge A-1", AT)).toBe("019ca945-0a7b-7cb8-b748-d323d2b4f0a3");
});

test("another key or another time is another job", () => {
  const ids = ["charge A-1", "charge A-2", "charge A-1 ", "é", "e\u0301"].map((key) => jobIdOf(key, AT));
  ids.push(jobIdOf("charge A-1", new Date(AT.getTime() + 1)));
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every(isJobId)).toBe(true);
});

test("ids are in the order of their times, and among those of new jobs", () => {
  const [before, after] = [new Date(Date.now() - 60_000), new Date(Date.now() + 60_000)];
  const ids = [jobIdOf("b", before), newJobId(), jobIdOf("a", after)];
  expect(ids.toSorted()).toEqual(ids);
  expect(isJobId(jobIdOf("first", new Date(0)))).toBe(true);
  expect(isJobId(jobIdOf("last", new Date(2 ** 48 - 1)))).toBe(true);
});

test("a job that is enqueued by its key again is stored once", async () => {
  const queue = new InMemoryQueue();
  onTestFinished(() => queue.close());
  const charge = background({ name: "charge", queue }, (order: string) => order);
  const id = jobIdOf("charge A-1", AT);
  expect(await charge.enqueue("A-1", { id })).toBe(id);
  expect(await charge.enqueue("A-1", { id })).toBe(id);
  expect((await charge.wait(id)).result).toBe("A-1");
  expect(await queue.listJobs()).toHaveLength(1);
});

test.each([
  ["an empty key", "", AT],
  ["a key that is no string", 7, AT],
  ["a time that is no Date", "a", AT.toISOString()],
  ["an invalid Date", "a", new Date("never")],
  ["a time before 1970", "a", new Date(-1)],
  ["a time after the last", "a", new Date(2 ** 48)],
])("%s is refused", (_, key, at) => {
  expect(() => jobIdOf(key as string, at as Date)).toThrow(
    expect.objectContaining({ code: "invalid_option", message: expect.stringContaining("jobIdOf()") }),
  );
});
