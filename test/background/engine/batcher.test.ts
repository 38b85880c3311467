import fc from "fast-check";
import { JobError } from "rapidai/background";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { MAX_CALL_BYTES } from "../../../src/background/core/limits.ts";
import { Batcher } from "../../../src/background/engine/batcher.ts";
import { turns } from "./scene.ts";

/** A call that carries a batch, and is answered when the test says so. */
interface Call {
  readonly items: readonly number[];
  answer(): void;
  fail(error: unknown): void;
}

function scene(senders: 1 | 2, bytesOf?: (item: number) => number) {
  const underWay: Call[] = [];
  const sizes: number[] = [];
  const batcher = new Batcher<number, string>(
    (items) => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
      const end = (then: () => void) => () => {
        underWay.splice(underWay.indexOf(call), 1);
        then();
      };
      const call: Call = {
        items: [...items],
        answer: end(() => resolve(items.map((item) => `answer to ${item}`))),
        fail: (error) => end(() => reject(error))(),
      };
      sizes.push(items.length);
      underWay.push(call);
      return promise;
    },
    { senders, ...(bytesOf && { bytesOf }) },
  );
  const add = (from: number, count: number) => Array.from({ length: count }, (_, n) => batcher.add(from + n));
  return { batcher, underWay, sizes, add };
}

describe("a batcher", () => {
  test("sends what is added in one turn as one batch, and what gathers meanwhile as the next", async () => {
    const { underWay, sizes, add } = scene(1);
    const first = add(0, 3);
    await turns();
    const second = [...add(3, 40), ...add(43, 2)];
    await turns();
    expect(sizes).toEqual([3]);
    underWay[0]?.answer();
    expect(await Promise.all(first)).toEqual(["answer to 0", "answer to 1", "answer to 2"]);
    await turns();
    expect(sizes).toEqual([3, 42]);
    underWay[0]?.answer();
    expect((await Promise.all(second)).at(-1)).toBe("answer to 44");
  });

  test("with two senders sends a second batch while one is in flight, but never a third", async () => {
    const { underWay, sizes, add } = scene(2);
    add(0, 1);
    await turns();
    add(1, 1);
    await turns();
    expect(sizes).toEqual([1, 1]);
    add(2, 2);
    await turns();
    expect(sizes).toEqual([1, 1]);
    underWay[1]?.answer();
    await turns();
    expect(sizes).toEqual([1, 1, 2]);
  });

  test("with two senders divides callers that await each answer evenly, and sends the two batches some turns apart", async () => {
    const { underWay, sizes, add } = scene(2);
    let next = 0;
    const caller = async () => {
      while (next < 2_000) await add(next++, 1)[0];
    };
    const callers = Array.from({ length: 100 }, caller);
    for (let isAnswered = true; isAnswered; ) {
      await turns(8);
      const begun = sizes.length;
      // Both are answered at once, but the next two must not be sent at once.
      for (const call of [...underWay]) call.answer();
      await turns(1);
      expect(sizes.length).toBeLessThanOrEqual(begun + 1);
      isAnswered = sizes.length > begun || underWay.length > 0;
    }
    await Promise.all(callers);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(2_000);
    expect(
      sizes.slice(4, -2).every((size) => size >= 32 && size <= 68),
      String(sizes),
    ).toBe(true);
  });

  test("divides what does not fit into one call, and sends an item that is too large for any by itself", async () => {
    const large = [0.6, 0.4, 0.4, 1.5, 0.1].map((share) => share * MAX_CALL_BYTES);
    const { underWay, sizes, add } = scene(1, (item) => large[item] as number);
    const all = Promise.all(add(0, 5));
    for (let call = 0; call < 4; call++) {
      await turns();
      underWay[0]?.answer();
    }
    await all;
    expect(sizes).toEqual([2, 1, 1, 1]);
  });

  test.each([1, 2] as const)(
    "when a batch cannot reach the store, fails what has waited for half a second and still sends what came later, with senders: %i",
    async (most) => {
      vi.useFakeTimers({ toFake: ["performance"] });
      onTestFinished(() => void vi.useRealTimers());
      // Each item fills a call of its own.
      const { batcher, underWay, sizes, add } = scene(most, () => MAX_CALL_BYTES);
      const caught = (ends: readonly Promise<unknown>[]) => Promise.all(ends.map((end) => end.catch((error) => error)));
      const first = caught(add(0, most));
      await turns(8);
      const old = caught(add(10, 20));
      vi.advanceTimersByTime(100);
      const late = add(50, 1);
      vi.advanceTimersByTime(400);
      await turns(8);
      expect(sizes).toHaveLength(most);
      const away = new JobError("queue_unavailable", "it is away");
      for (const call of [...underWay]) call.fail(away);
      expect(new Set([...(await first), ...(await old)])).toEqual(new Set([away]));
      await turns(8);
      expect(underWay.map(({ items }) => items)).toEqual([[50]]);
      underWay[0]?.answer();
      expect(await Promise.all(late)).toEqual(["answer to 50"]);
      await batcher.drained();
      expect(batcher.isIdle).toBe(true);
    },
  );

  test("goes on after everything that its second sender was about to take has failed", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const { batcher, underWay, sizes, add } = scene(2);
    const ends = Promise.allSettled(add(0, 80));
    // The second sender follows some turns later.
    while (underWay.length === 0) await null;
    vi.advanceTimersByTime(2_000);
    underWay[0]?.fail(new JobError("queue_unavailable", "it is away"));
    expect((await ends).every(({ status }) => status === "rejected")).toBe(true);
    await batcher.drained();
    expect(sizes).toHaveLength(1);
    const [next] = add(100, 1);
    await turns(8);
    underWay[0]?.answer();
    expect(await next).toBe("answer to 100");
  });

  test("still sends what waits when a batch fails for a reason of its own", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const { underWay, add } = scene(1);
    const [first] = add(0, 1);
    await turns();
    const [second] = add(1, 1);
    vi.advanceTimersByTime(2_000);
    const error = new JobError("not_replicated", "no replica has it");
    underWay[0]?.fail(error);
    await expect(first).rejects.toBe(error);
    await turns();
    underWay[0]?.answer();
    expect(await second).toBe("answer to 1");
  });

  test.each([1, 2] as const)(
    "answers each item with its own answer or its batch's error, with senders: %i",
    async (most) => {
      const step = fc.oneof(
        fc.record({ add: fc.oneof(fc.integer({ min: 1, max: 90 }), fc.constant(1_100)) }),
        fc.record({ end: fc.nat(1), isFailed: fc.boolean() }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25, size: "max" }), async (steps) => {
          const { batcher, underWay, sizes, add } = scene(most);
          const ends: Promise<unknown>[] = [];
          const failed = new Set<number>();
          const end = (place: number, isFailed: boolean) => {
            const call = underWay[place % Math.max(1, underWay.length)];
            if (isFailed) for (const item of call?.items ?? []) failed.add(item);
            if (isFailed) call?.fail("away");
            else call?.answer();
          };
          let isDrained = false;
          for (const each of steps) {
            if ("add" in each) ends.push(...add(ends.length, each.add).map((item) => item.catch((error) => error)));
            else end(each.end, each.isFailed);
            await turns(3);
            expect(underWay.length).toBeLessThanOrEqual(most);
            expect(batcher.isIdle).toBe(underWay.length === 0);
          }
          void batcher.drained().then(() => {
            isDrained = true;
          });
          for (; underWay.length > 0; await turns(3)) {
            expect(isDrained).toBe(false);
            end(0, false);
          }
          await turns(3);
          expect(isDrained).toBe(true);
          expect(await Promise.all(ends)).toEqual(
            ends.map((_, item) => (failed.has(item) ? "away" : `answer to ${item}`)),
          );
          expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(1_000);
        }),
        { numRuns: 60 },
      );
    },
  );
});
