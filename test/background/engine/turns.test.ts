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

test("a task in place of another of the same name has that one's running jobs, and its lane is claimed once", () => {
  const turns = new Turns();
  for (const concurrency of [3, 4]) {
    turns.add(defineTask({ name: "free" }, () => {}));
    turns.add(defineTask({ name: "limited", concurrency }, () => {}));
    turns.began("limited");
  }
  expect(turns.tasks).toEqual(["free", "limited"]);
  expect(turns.concurrency).toEqual({ limited: 4 });
  const lanes = turns.next(10).toSorted((a, b) => a.limit - b.limit);
  expect(lanes).toEqual([
    { lane: "limited", limit: 2 },
    { lane: "free", limit: 10 },
  ]);
});

test("a limit that a task gets while a claim is in flight holds once that is answered", () => {
  const turns = new Turns();
  turns.add(defineTask({ name: "limited" }, () => {}));
  const first = turns.next(10);
  turns.add(defineTask({ name: "limited", concurrency: 2 }, () => {}));
  turns.answered(first);
  expect(turns.next(10)).toEqual([{ lane: "limited", limit: 2 }]);
});

test("without tasks there is nothing to claim", () => {
  const turns = new Turns();
  for (let claim = 0; claim < 2; claim++) expect(turns.next(10)).toEqual([]);
});
