import { describe, expect, test } from "vitest";
import { answersIn } from "../../../../src/background/stores/redis/letters.ts";

const MEANING = { s: "stored", k: "known" } as const;

describe("an answer in letters", () => {
  test("has one letter for each item, in order", () => {
    expect(answersIn("sks", 3, MEANING)).toEqual(["stored", "known", "stored"]);
    expect(answersIn("", 0, MEANING)).toEqual([]);
  });

  for (const [what, reply] of Object.entries({
    "one too few": "s",
    "one too many": "sss",
    "a letter that means nothing": "s?",
    "another reply of Redis": "OK",
    "a list, as whoever repeats the call would send": ["EVALSHA", "s"],
    "a number": 2,
    nothing: null,
  })) {
    test(`that is ${what} acknowledges nothing`, () => {
      expect(() => answersIn(reply as string, 2, MEANING)).toThrow(
        expect.objectContaining({ name: "JobError", code: "queue_unavailable" }),
      );
    });
  }
});
