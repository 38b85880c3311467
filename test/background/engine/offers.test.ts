import { expect, test } from "vitest";
import { Offers } from "../../../src/background/engine/offers.ts";

test("of the offers that no claim's reply ends, only the latest four are remembered", () => {
  const offers = new Offers();
  for (let claim = 1; claim <= 100; claim++) offers.make(`offer ${claim}`, claim);
  const taken = Array.from({ length: 100 }, (_, at) => offers.take(`offer ${at + 1}`)?.madeAt);
  expect(taken.filter((madeAt) => madeAt !== undefined)).toEqual([97, 98, 99, 100]);
});
