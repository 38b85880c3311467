import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultWait, waitOf } from "../../../src/background/core/backoff.ts";
import { endingOf, PermanentError, RetryAfterError } from "../../../src/background/core/endings.ts";
import { type Decision, decide, type Outcome, settlementOf } from "../../../src/background/core/outcome.ts";
import type { ClaimedJob } from "../../../src/background/core/store.ts";

const JOB: ClaimedJob = {
  v: 1,
  id: "0198c2a4-5b3e-7cc1-8f00-0123456789ab",
  task: "mail",
  payload: "null",
  isLost: false,
  worker: "worker-1",
  attempts: 1,
  attemptLimit: 4,
  maxRetries: 3,
  losses: 0,
  createdAt: 0,
  runAt: 0,
  attemptedAt: 0,
  usage: null,
  trace: null,
};
const failed = (error: unknown = new Error("e")): Outcome => ({ kind: "failed", error });
const decideWith = (job: Partial<ClaimedJob>, outcome: Outcome): Decision =>
  decide({ ...JOB, ...job }, outcome, defaultWait, 0);
/** Applies a decision as a store would, as far as the next one depends on it. */
const next = (job: ClaimedJob, decision: Decision): ClaimedJob => ({
  ...job,
  attempts: job.attempts - (decision.isUncounted ? 1 : 0),
  losses: job.losses + (decision.isLoss ? 1 : 0),
});
const claim = (job: ClaimedJob): ClaimedJob => ({ ...job, attempts: job.attempts + 1 });
const fresh = (maxRetries: number): ClaimedJob => ({ ...JOB, maxRetries, attempts: 0, attemptLimit: maxRetries + 1 });

test("a handler's result completes the job", () => {
  expect(decideWith({}, { kind: "completed", result: '"r"' })).toEqual({
    to: "completed",
    result: '"r"',
    delayMs: null,
    isUncounted: false,
    isLoss: false,
    failure: null,
  });
});

test("a failure is retried after 2, 4, 8, 16 and 32 seconds, and then fails the job", () => {
  const decisions = [1, 2, 3, 4, 5, 6].map((attempts) =>
    decideWith({ attempts, maxRetries: 5, attemptLimit: 6 }, failed()),
  );
  expect(decisions.map(({ to, delayMs }) => [to, delayMs])).toEqual([
    ["pending", 2_000],
    ["pending", 4_000],
    ["pending", 8_000],
    ["pending", 16_000],
    ["pending", 32_000],
    ["failed", null],
  ]);
  expect(decisions.every(({ failure }) => failure?.message === "e")).toBe(true);
});

test("maxRetries counts retries and not attempts: n gives n + 1 attempts, and 0 runs a job once", () => {
  fc.assert(
    fc.property(fc.nat(50), (maxRetries) => {
      let job = fresh(maxRetries);
      let decision: Decision;
      do {
        job = claim(job);
        decision = decide(job, failed(), defaultWait, 0);
        job = next(job, decision);
      } while (decision.to === "pending");
      expect(decision.to).toBe("failed");
      expect(job.attempts).toBe(maxRetries + 1);
    }),
  );
});

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constant(failed()),
  fc.nat(9).map((delay) => failed(new RetryAfterError(delay))),
  fc.constant<Outcome>({ kind: "released" }),
  fc.constant<Outcome>({ kind: "lost" }),
);

test("however attempts end, a job has at most maxRetries + 1 that count and at most three losses", () => {
  fc.assert(
    fc.property(fc.nat(6), fc.array(outcome, { minLength: 30, maxLength: 30 }), (maxRetries, outcomes) => {
      let job = fresh(maxRetries);
      for (const each of outcomes) {
        job = claim(job);
        expect(job.attempts).toBeLessThanOrEqual(maxRetries + 1);
        const decision = decide(job, each, defaultWait, 0);
        job = next(job, decision);
        expect(job.losses).toBeLessThanOrEqual(3);
        if (decision.to === "failed") {
          expect(job.attempts === maxRetries + 1 || job.losses === 3).toBe(true);
          return;
        }
        expect(decision.to).toBe("pending");
      }
      // Only released attempts can go on for ever.
      expect(outcomes.filter(({ kind }) => kind === "released").length).toBeGreaterThan(30 - maxRetries - 1);
    }),
  );
});

test("a PermanentError fails the job at once, wherever it stands among the causes", () => {
  const permanent = new PermanentError("card stolen");
  const wrapped = new Error("charge", { cause: new Error("card", { cause: permanent }) });
  for (const error of [permanent, wrapped, new (class extends PermanentError {})("m")])
    expect(decideWith({}, failed(error))).toMatchObject({ to: "failed", delayMs: null });
  expect(decideWith({}, failed(wrapped)).failure).toMatchObject({
    message: "charge",
    stack: expect.stringContaining("card stolen"),
  });
});

test("a RetryAfterError sets the wait, wherever it stands among the causes, and uses up a retry", () => {
  const later = new Error("call", { cause: new RetryAfterError("90s") });
  expect(decideWith({ attempts: 2 }, failed(later))).toMatchObject({ to: "pending", delayMs: 90_000 });
  expect(decideWith({ attempts: 4 }, failed(later))).toMatchObject({ to: "failed", delayMs: null });
  expect(decideWith({}, failed(new RetryAfterError(0)))).toMatchObject({ to: "pending", delayMs: 0 });
});

test("of a PermanentError and a RetryAfterError in one chain the outer one counts", () => {
  const both = new RetryAfterError("1s", "m", { cause: new PermanentError("p") });
  expect(decideWith({}, failed(both))).toMatchObject({ to: "pending", delayMs: 1_000 });
  expect(decideWith({}, failed(new PermanentError("p", { cause: new RetryAfterError(1) })))).toMatchObject({
    to: "failed",
  });
});

test("an outcome that no further attempt would change fails the job at once", () => {
  expect(decideWith({}, { kind: "rejected", error: new Error("too large") })).toMatchObject({
    to: "failed",
    isUncounted: false,
    failure: { message: "too large" },
  });
});

test("a released attempt does not count, is no failure and keeps the job's place in line", () => {
  for (const attempts of [1, 4, 9])
    expect(decideWith({ attempts }, { kind: "released" })).toEqual({
      to: "pending",
      result: null,
      delayMs: null,
      isUncounted: true,
      isLoss: false,
      failure: null,
    });
});

test("a lost worker uses up the attempt, and the job is due again at once", () => {
  expect(decideWith({}, { kind: "lost" })).toMatchObject({
    to: "pending",
    delayMs: 0,
    isLoss: true,
    isUncounted: false,
    failure: { name: "JobError", message: expect.stringMatching(/worker-1 was lost during attempt 1/), stack: null },
  });
  expect(decideWith({ attempts: 4 }, { kind: "lost" })).toMatchObject({ to: "failed", isLoss: true });
});

test("the third loss ends the job, whatever maxRetries says, and says why", () => {
  const many = { maxRetries: 100, attemptLimit: 101 };
  const second = decideWith({ ...many, attempts: 2, losses: 1 }, { kind: "lost" });
  expect(second.to).toBe("pending");
  expect(second.failure?.message).not.toMatch(/kills its workers/);
  const last = decideWith({ ...many, attempts: 3, losses: 2 }, { kind: "lost" });
  expect(last).toMatchObject({ to: "failed", isLoss: true });
  expect(last.failure?.message).toMatch(/loss 3.*kills its workers/);
});

test("after a retry by hand the budget and the waits begin anew, and attempts go on", () => {
  // Failed after 4 of 4 attempts, then retried by hand: 4 more.
  const again = { attempts: 5, attemptLimit: 8 };
  expect(decideWith(again, failed())).toMatchObject({ to: "pending", delayMs: 2_000 });
  expect(decideWith({ ...again, attempts: 6 }, failed())).toMatchObject({ to: "pending", delayMs: 4_000 });
  expect(decideWith({ ...again, attempts: 8 }, failed())).toMatchObject({ to: "failed" });
  // Cancelled after 1 of 4: the limit is 1 + 4.
  expect(decideWith({ attempts: 2, attemptLimit: 5 }, failed())).toMatchObject({ to: "pending", delayMs: 2_000 });
});

test("waits are whole milliseconds, and chance is the number that is passed in", () => {
  const wait = waitOf({ base: 1_001, jitter: 1 }, "mail");
  expect(decide(JOB, failed(), wait, 0.5).delayMs).toBe(501);
  expect(decide(JOB, failed(), wait, 0).delayMs).toBe(1_001);
});

test("decide() does not change its arguments, and gives the same answer again", () => {
  const job = Object.freeze({ ...JOB });
  fc.assert(
    fc.property(outcome, fc.nat(5), (each, losses) => {
      const one = decide(Object.freeze({ ...job, losses }), Object.freeze(each), defaultWait, 0.3);
      expect(decide({ ...job, losses }, each, defaultWait, 0.3)).toEqual(one);
    }),
  );
});

test("whatever a handler threw, there is a decision", () => {
  const boom = (): never => {
    throw new Error("boom");
  };
  const thrown: unknown[] = [
    undefined,
    null,
    Object.create(null),
    new Proxy({}, { getPrototypeOf: boom, get: boom }),
    Object.defineProperty(new Error("e"), "cause", { get: boom }),
    new Error("e", { cause: new Proxy(new Error("c"), { getPrototypeOf: boom }) }),
  ];
  for (const error of thrown) expect(decideWith({}, failed(error))).toMatchObject({ to: "pending", delayMs: 2_000 });
  fc.assert(fc.property(fc.anything(), (error) => void expect(decideWith({}, failed(error)).to).toBe("pending")));
});

test("a settlement is the decision with the job's id, the token and the reports", () => {
  const decision = decideWith({}, failed());
  const patch = { progress: null, logs: ["line"], usage: null };
  expect(settlementOf("id", "token", decision, patch)).toEqual({ ...decision, id: "id", token: "token", patch });
});

test("errors of another copy of the package have the same effect", async () => {
  const { PermanentError: Permanent, RetryAfterError: RetryAfter } = await import(
    // @ts-expect-error a query makes another module of the same file
    "../../../src/background/core/endings.ts?another"
  );
  expect(Permanent).not.toBe(PermanentError);
  expect(endingOf(new Permanent("no"))).toEqual({ kind: "permanent" });
  expect(endingOf(new RetryAfter("3s"))).toEqual({ kind: "retry-after", delayMs: 3_000 });
  const liar = Object.assign(new RetryAfter("3s"), { delayMs: Number.NaN });
  for (const other of [liar, new Error("no"), null, undefined, 1, "permanent", {}])
    expect(endingOf(other)).toBeUndefined();
});
