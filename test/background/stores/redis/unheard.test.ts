import { expect, test } from "vitest";
import { Unheard } from "../../../../src/background/stores/redis/unheard.ts";

const claim = (n: number) => ({ token: `token-${n}`, leaseMs: 30_000, sentAt: 1_000 });

test("an unheard claim is looked for at once, and by one caller at a time", () => {
  const unheard = new Unheard();
  unheard.add(claim(1));
  expect(unheard.due(1_000)).toMatchObject([claim(1)]);
  expect(unheard.due(1_000)).toEqual([]);
});

test("one that was not found is looked for once a second ten times, since the network may hold it up", () => {
  const unheard = new Unheard();
  unheard.add(claim(1));
  let looks = 0;
  for (let now = 1_000; now < 60_000; now += 100)
    for (const due of unheard.due(now)) {
      looks++;
      unheard.looked(due, false);
    }
  expect(looks).toBe(10);
  expect(unheard.due(10_000_000)).toEqual([]);
});

test("one whose jobs are handed back is forgotten, and no other", () => {
  const unheard = new Unheard();
  unheard.add(claim(1));
  unheard.add(claim(2));
  const [first, second] = unheard.due(1_000);
  if (first === undefined || second === undefined) throw new Error("two claims are due");
  unheard.looked(first, true);
  unheard.looked(second, false);
  expect(unheard.due(2_000)).toMatchObject([claim(2)]);
});

test("what comes of one is for nobody while it is looked for", () => {
  const unheard = new Unheard();
  unheard.add(claim(1));
  expect([unheard.has("token-1"), unheard.has("token-2")]).toEqual([true, false]);
  for (const due of unheard.due(1_000)) unheard.looked(due, true);
  expect(unheard.has("token-1")).toBe(false);
});

test("one for which the server could not be asked stays to be looked for", () => {
  const unheard = new Unheard();
  unheard.add(claim(1));
  for (let look = 0; look < 100; look++) expect(unheard.due(1_000 + 1_000 * look)).toMatchObject([claim(1)]);
});

test("of many the latest twenty are remembered", () => {
  const unheard = new Unheard();
  for (let n = 1; n <= 50; n++) unheard.add(claim(n));
  expect(unheard.due(1_000).map(({ token }) => token)).toEqual(
    Array.from({ length: 20 }, (_, index) => `token-${31 + index}`),
  );
});
