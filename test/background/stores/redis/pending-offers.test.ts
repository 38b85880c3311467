import { expect, test } from "vitest";
import { PendingOffers } from "../../../../src/background/stores/redis/pending-offers.ts";

const offer = (n: number) => ({ offer: `offer-${n}`, leaseMs: 30_000 });

test("an offer that was given up is to be searched for from the time it was made, and a late message for it is ignored", () => {
  const offers = new PendingOffers();
  offers.make(offer(1), 1_000);
  expect(offers.giveUp("offer-1")).toMatchObject({ token: "offer-1", leaseMs: 30_000, sentAt: 1_000 });
  expect(offers.delivered("offer-1")).toBe(false);
  expect(offers.giveUp("offer-1")).toBeUndefined();
});

test("an offer whose message arrived is not searched for: its job runs", () => {
  const offers = new PendingOffers();
  offers.make(offer(1), 1_000);
  expect(offers.delivered("offer-1")).toBe(true);
  expect(offers.giveUp("offer-1")).toBeUndefined();
});

test("an offer that an answered claim ended is over", () => {
  const offers = new PendingOffers();
  offers.make(offer(1), 1_000);
  offers.end("offer-1");
  expect([offers.delivered("offer-1"), offers.giveUp("offer-1")]).toEqual([false, undefined]);
});

test("a claim that makes or ends no offer changes nothing, and only the latest four offers are remembered", () => {
  const offers = new PendingOffers();
  for (let n = 1; n <= 50; n++) offers.make(offer(n), n);
  offers.make({ offer: null, leaseMs: 1 }, 60);
  offers.make({ leaseMs: 1 }, 60);
  offers.end(null);
  expect([offers.giveUp(null), offers.giveUp(undefined)]).toEqual([undefined, undefined]);
  expect([46, 47, 48, 49, 50].map((n) => offers.delivered(`offer-${n}`))).toEqual([false, true, true, true, true]);
});
