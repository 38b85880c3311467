import { expect, test } from "vitest";
import { UnansweredClaims } from "../../../../src/background/stores/redis/unanswered.ts";

const claim = (n: number) => ({ token: `token-${n}`, leaseMs: 30_000, sentAt: 1_000 });

test("an unanswered claim is searched for at once, by one caller at a time", () => {
  const claims = new UnansweredClaims();
  claims.add(claim(1));
  expect(claims.due(1_000)).toMatchObject([claim(1)]);
  expect(claims.due(1_000)).toEqual([]);
});

test("an unanswered claim that is not found is searched for once a second, ten times, since the network may delay it", () => {
  const claims = new UnansweredClaims();
  claims.add(claim(1));
  let looks = 0;
  for (let now = 1_000; now < 60_000; now += 100)
    for (const due of claims.due(now)) {
      looks++;
      claims.looked(due, false);
    }
  expect(looks).toBe(10);
  expect(claims.due(10_000_000)).toEqual([]);
});

test("an unanswered claim whose jobs are handed back is forgotten, and no other is", () => {
  const claims = new UnansweredClaims();
  claims.add(claim(1));
  claims.add(claim(2));
  const [first, second] = claims.due(1_000);
  if (first === undefined || second === undefined) throw new Error("two claims are due");
  claims.looked(first, true);
  claims.looked(second, false);
  expect(claims.due(2_000)).toMatchObject([claim(2)]);
});

test("the jobs of an unanswered claim belong to nobody while it is searched for", () => {
  const claims = new UnansweredClaims();
  claims.add(claim(1));
  expect([claims.has("token-1"), claims.has("token-2")]).toEqual([true, false]);
  for (const due of claims.due(1_000)) claims.looked(due, true);
  expect(claims.has("token-1")).toBe(false);
});

test("an unanswered claim stays due until the server could be asked about it", () => {
  const claims = new UnansweredClaims();
  claims.add(claim(1));
  for (let look = 0; look < 100; look++) expect(claims.due(1_000 + 1_000 * look)).toMatchObject([claim(1)]);
});

test("only the latest twenty unanswered claims are remembered", () => {
  const claims = new UnansweredClaims();
  for (let n = 1; n <= 50; n++) claims.add(claim(n));
  expect(claims.due(1_000).map(({ token }) => token)).toEqual(
    Array.from({ length: 20 }, (_, index) => `token-${31 + index}`),
  );
});
