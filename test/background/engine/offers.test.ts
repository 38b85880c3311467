import { expect, test } from "vitest";
import { Offers } from "../../../src/background/engine/offers.ts";

test("of the offers that no claim's reply ends, only the latest four are remembered", () => {
  const offers = new Offers();
  for (let claim = 1; claim <= 100; claim++) offers.make(`offer ${claim}`, claim);
  const taken = Array.from({ length: 100 }, (_, at) => offers.take(`offer ${at + 1}`)?.madeAt);
  expect(taken.filter((madeAt) => madeAt !== undefined)).toEqual([97, 98, 99, 100]);
});

test("when a claim fails, the previous offer stands again, unless a job has arrived under it or a later claim made another", () => {
  const offers = new Offers();
  offers.make("first", 1);
  offers.make("second", 2);
  offers.failed("second", "first");
  expect(offers.standing).toBe("first");
  offers.make("third", 3);
  offers.make("fourth", 4);
  offers.failed("third", "first");
  expect(offers.standing).toBe("fourth");
  offers.make(null, 5);
  offers.take("fourth");
  offers.failed(null, "fourth");
  expect(offers.standing).toBe(null);
});
