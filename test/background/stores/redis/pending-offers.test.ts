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

test("an offer that an answered claim ended is over: what it may still deliver is for the worker to judge", () => {
  const offers = new PendingOffers();
  offers.make(offer(1), 1_000);
  expect(offers.has("offer-1")).toBe(true);
  offers.end("offer-1");
  expect([offers.has("offer-1"), offers.delivered("offer-1"), offers.giveUp("offer-1")]).toEqual([
    false,
    true,
    undefined,
  ]);
});

test("an offer that was given up stays so when the claim that makes it has failed", () => {
  const offers = new PendingOffers();
  offers.make(offer(1), 1_000);
  offers.giveUp("offer-1");
  offers.end("offer-1");
  expect(offers.delivered("offer-1")).toBe(false);
});

test("a claim that makes or ends no offer changes nothing, and only the latest twenty offers are remembered", () => {
  const offers = new PendingOffers();
  for (let n = 1; n <= 50; n++) offers.make(offer(n), n);
  offers.make({ offer: null, leaseMs: 1 }, 60);
  offers.make({ leaseMs: 1 }, 60);
  offers.end(null);
  expect([offers.giveUp(null), offers.giveUp(undefined)]).toEqual([undefined, undefined]);
  expect([29, 30, 31, 32, 50].map((n) => offers.giveUp(`offer-${n}`)?.sentAt)).toEqual([
    undefined,
    undefined,
    31,
    32,
    50,
  ]);
});
