import { expect, test } from "vitest";
import { defineTask } from "../../../src/background/engine/definition.ts";
import { Turns } from "../../../src/background/engine/turns.ts";

test("what a claim in flight may bring of a task with a limit is reserved for it until it is answered", () => {
  const turns = new Turns();
  turns.add(defineTask({ name: "limited", concurrency: 30 }, () => {}));
  const limits = (slots: number) => turns.next(slots).map(({ limit }) => limit);
  const first = turns.next(20);
  expect(first).toEqual([{ lane: "limited", limit: 20 }]);
  expect(limits(20)).toEqual([10]);
  expect(limits(20)).toEqual([]);
  for (let job = 0; job < 20; job++) turns.began("limited");
  turns.answered(first);
  // The second claim may still bring ten.
  expect(limits(20)).toEqual([]);
  for (let job = 0; job < 3; job++) turns.ended("limited");
  expect(limits(20)).toEqual([3]);
});
