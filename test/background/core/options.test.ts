import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkOptions, checkSignal, filePath, flag, text, wholeNumber } from "../../../src/background/core/options.ts";

test("known options pass, and so do unknown ones that are undefined", () => {
  checkOptions({}, ["a"], "options of it");
  checkOptions({ a: 1, b: undefined }, ["a"], "options of it");
});

test("a misspelt option is an error that names it and lists the known ones", () => {
  expect(() => checkOptions({ maxRetry: 3 }, ["maxRetries", "queue"], "options of background()")).toThrow(
    expect.objectContaining({
      code: "invalid_option",
      message: "'maxRetry' is not one of the options of background(): use maxRetries, queue.",
    }),
  );
});

test("options that are not an object are refused", () => {
  for (const given of [null, undefined, 1, "text", () => 1, Symbol("s")])
    expect(() => checkOptions(given, ["a"], "options of it")).toThrow(
      expect.objectContaining({ code: "invalid_option", message: expect.stringContaining("must be an object") }),
    );
});

test("a flag is true or false, not something truthy or falsy", () => {
  expect([true, false].map((value) => flag(value, "worker"))).toEqual([true, false]);
  for (const value of ["no", "", 0, 1, null, undefined, {}])
    expect(() => flag(value, "thread option")).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: expect.stringMatching(/^The thread option must be true or false, not .*\.$/s),
      }),
    );
});

test("the path of a file is no url, of which a file of that name would be created", () => {
  for (const path of ["jobs.db", "/var/jobs.db", "C:\\jobs.db", "./files:1/jobs.db"])
    expect(filePath(path, "path")).toBe(path);
  for (const value of ["", "a\0b", "sqlite:jobs.db", "file:///jobs.db", "redis://:secret@host", null, undefined, 3])
    expect(() => filePath(value, "path of it")).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: expect.stringMatching(/^The path of it must be the path of a file, not (?!.*secret)/),
      }),
    );
});

test("a text is a string, not something that could be converted to one", () => {
  expect(["", "mail"].map((value) => text(value, "prefix"))).toEqual(["", "mail"]);
  for (const value of [3, 3n, null, undefined, true, [], new String("mail"), Symbol("s"), Object.create(null)])
    expect(() => text(value, "prefix of it")).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: `The prefix of it must be a string, not a value of type ${typeof value}.`,
      }),
    );
});

test("a signal may be of any realm, aborted or not, but no other event target", () => {
  for (const signal of [AbortSignal.abort(), new AbortController().signal]) checkSignal(signal, "signal");
  checkSignal(runInNewContext("({ aborted: false, addEventListener() {} })"), "signal");
  for (const value of [3, null, {}, new AbortController(), new EventTarget(), Object.create(null)])
    expect(() => checkSignal(value as AbortSignal, "signal of it")).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: expect.stringMatching(/^The signal of it must be an AbortSignal, not .*\.$/s),
      }),
    );
});

test("wholeNumber passes whole numbers within bounds", () => {
  expect(wholeNumber(0, 0, "maxRetries")).toBe(0);
  expect(wholeNumber(5, 1, "limit", 5)).toBe(5);
  fc.assert(fc.property(fc.maxSafeNat(), (value) => void expect(wholeNumber(value, 0, "maxRetries")).toBe(value)));
});

test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "3", 3n, null, true, [], Object.create(null)])(
  "wholeNumber refuses %o and says what the setting may be",
  (value) => {
    expect(() => wholeNumber(value, 0, "maxRetries of task 'mail'")).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: expect.stringMatching(/maxRetries of task 'mail' must be a whole number of 0 or more, not /),
      }),
    );
  },
);

test("wholeNumber names both bounds if there are two", () => {
  expect(() => wholeNumber(11, 1, "limit", 10)).toThrow("a whole number from 1 to 10, not 11");
});
