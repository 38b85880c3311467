import { describe, expect, onTestFinished, test } from "vitest";
import type { Settlement } from "../../../../src/background/core/store.ts";
import { connectTo } from "../../../../src/background/stores/redis/client.ts";
import { baseOf } from "../../../../src/background/stores/redis/keys.ts";
import { shorten } from "../../../../src/background/stores/redis/short-id.ts";
import { RedisStore } from "../../../../src/background/stores/redis/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import {
  FAILURE,
  type Held,
  idOf,
  newJob,
  OTHER_TASK,
  patchOf,
  Scene,
  TASK,
} from "../../../../src/testing/conformance/scene.ts";
import { storeOptions } from "../../../redis/options.ts";
import { ownRedis } from "../../../redis/own-redis.ts";
import { isWithoutRedis } from "../../../redis/program.ts";
import { tell } from "../../../redis/tell.ts";

const redis = ownRedis();
let prefixes = 0;

interface Place {
  readonly base: string;
  readonly scene: Scene;
  /** Jobs that run, by their numbers. */
  readonly held: ReadonlyMap<number, Held>;
}

/** Jobs of the other task have numbers from here on: they come second in each call. */
const OTHER = 100;
const LANES = [TASK, OTHER_TASK].map((lane) => ({ lane, limit: 10 }));
/** The lane of a job whose record was overwritten. */
const DAMAGED = "damaged";
const REPORT = patchOf({ logs: ["at it"], progress: { fraction: 0.5, done: null, total: null, message: null } });
const ENDS: readonly Partial<Settlement>[] = [
  { to: "completed" },
  { to: "completed", result: "x".repeat(1_000) },
  { to: "completed", patch: REPORT },
  { to: "failed", failure: FAILURE },
  { to: "pending", failure: FAILURE, delayMs: 1_000, patch: REPORT },
];

/** A queue with jobs of two tasks in every state. */
async function place(): Promise<Place> {
  const prefix = `foreign:${prefixes++}:`;
  const clock = new HandClock();
  const store = new RedisStore(storeOptions({ connect: connectTo(redis.url), prefix, clock }));
  onTestFinished(() => store.close());
  await store.open();
  const scene = new Scene(store, clock);
  const held = new Map<number, Held>();
  for (const [from, task] of [
    [0, TASK],
    [OTHER, OTHER_TASK],
  ] as const) {
    const fields = { task, lane: task };
    for (let n = from; n < from + 6; n++) held.set(n, await scene.start(n, fields));
    await scene.start(from + 6, fields, { leaseMs: 5 });
    await scene.start(from + 7, { ...fields, v: 2 }, { leaseMs: 5, maxVersion: 2 });
    for (const [n, to] of (["completed", "failed"] as const).entries()) await scene.finish(from + 10 + n, to, fields);
    await scene.add([from + 12], fields);
    await scene.cancel(idOf(from + 12), "somebody");
    await scene.settle(await scene.start(from + 8, fields), { to: "pending", patch: REPORT });
    await scene.add([from + 20], { ...fields, delayMs: 5 });
    await scene.add([from + 21], { ...fields, delayMs: 60_000 });
    await scene.add([from + 22, from + 23], fields);
  }
  await scene.add([24], { lane: DAMAGED });
  await tell(redis.url, ["SET", `${baseOf(prefix)}j${shorten(idOf(24))}`, "what?"]);
  await scene.claim({ limit: 0 });
  clock.move(5);
  await scene.beat(heldOf(held, 0));
  return { base: baseOf(prefix), scene, held };
}

function heldOf(held: ReadonlyMap<number, Held>, n: number): Held {
  return held.get(n) as Held;
}

const bothOf = (n: number) => [n, OTHER + n];

function settling(ends: readonly Partial<Settlement>[]) {
  return ({ scene, held }: Place) =>
    scene.store.settle(
      ends.flatMap((fields, n) => bothOf(n).map((number) => scene.settlement(heldOf(held, number), fields))),
    );
}

interface Call {
  readonly call: (place: Place) => Promise<unknown>;
  /** What it cannot do without. */
  readonly keys: readonly string[];
}

const CALLS: Readonly<Record<string, Call>> = {
  "an enqueue": {
    call: ({ scene: { store } }) =>
      store.enqueue(
        [TASK, OTHER_TASK].flatMap((task, n) => [
          newJob(OTHER * n + 30, { task, lane: task }),
          newJob(OTHER * n + 31, { task, lane: task, delayMs: 5 }),
        ]),
      ),
    keys: ["t", "v", `l${OTHER_TASK}`, `w${OTHER_TASK}`, `q${OTHER_TASK}`],
  },
  "a claim": {
    call: ({ scene }) => scene.claim({ lanes: LANES }),
    keys: ["t", "v", "e", `r1:${OTHER_TASK}`, `r2:${OTHER_TASK}`, `l${OTHER_TASK}`, `w${OTHER_TASK}`, `q${OTHER_TASK}`],
  },
  "a claim of due jobs alone": {
    call: ({ scene }) => scene.claim({ lanes: LANES, lostLimit: 0 }),
    keys: [`r1:${OTHER_TASK}`, `l${OTHER_TASK}`, `w${OTHER_TASK}`, `q${OTHER_TASK}`],
  },
  "a claim of a damaged job": {
    call: ({ scene }) =>
      scene.claim({ lanes: [DAMAGED, OTHER_TASK].map((lane) => ({ lane, limit: 1 })), lostLimit: 0 }),
    keys: ["t", "F", `f${DAMAGED}`, `r1:${OTHER_TASK}`],
  },
  "a claim of lost jobs": {
    call: ({ scene }) => scene.claim({ lanes: LANES, limit: 0 }),
    keys: ["t", "v", "e", `r1:${OTHER_TASK}`, `r2:${OTHER_TASK}`, `l${OTHER_TASK}`, `w${OTHER_TASK}`],
  },
  "a claim from one of two lanes": {
    call: ({ scene }) => scene.claim({ lanes: LANES.map(({ lane }, n) => ({ lane, limit: n })), lostLimit: 0 }),
    keys: ["e", `l${TASK}`, `w${TASK}`],
  },
  "a heartbeat": {
    call: ({ scene: { store }, held }) =>
      store.heartbeat({
        worker: { id: "worker-1", tasks: [TASK], slots: 10, concurrency: {}, version: "0.1.0" },
        presenceMs: 30_000,
        leaseMs: 60_000,
        beats: bothOf(0).map((n) => ({ ...heldOf(held, n), patch: REPORT })),
      }),
    keys: ["G", "P", "e", `r1:${OTHER_TASK}`],
  },
  "a settlement": {
    call: settling(ENDS),
    keys: ["C", "F", ...["c", "f", "q", "w", "r1:"].map((kind) => `${kind}${OTHER_TASK}`)],
  },
  "a settlement of completed jobs": {
    call: settling(ENDS.slice(0, 1)),
    keys: ["C", ...["c", "r1:"].map((kind) => `${kind}${OTHER_TASK}`)],
  },
  "a cancel": {
    call: ({ scene: { store } }) =>
      store.cancel([0, 20, 22].flatMap(bothOf).map((n) => ({ id: idOf(n), task: null, by: "somebody" }))),
    keys: ["F", ...["x", "l", "w", "q", "r1:"].map((kind) => `${kind}${OTHER_TASK}`)],
  },
  "a retry": {
    call: ({ scene: { store } }) => store.retry([11, 12].flatMap(bothOf).map((n) => ({ id: idOf(n), task: null }))),
    keys: ["F", ...["f", "x", "w", "q"].map((kind) => `${kind}${OTHER_TASK}`)],
  },
  "a listing": {
    call: ({ scene }) => scene.list(),
    keys: ["t", "v", ...["l", "q", "c", "f", "x", "r1:"].map((kind) => `${kind}${OTHER_TASK}`)],
  },
  "a count": {
    call: ({ scene: { store } }) => store.count(),
    keys: ["t", "v", "G", "P", ...["l", "q", "c", "f", "x", "r1:"].map((kind) => `${kind}${OTHER_TASK}`)],
  },
  "a prune": {
    call: ({ scene }) => scene.prune({ completed: { ageMs: null, count: 0 }, failed: { ageMs: null, count: 0 } }),
    keys: ["H", "C", "F", "t", "v", ...["l", "q", "c", "f", "x", "r1:", "r2:"].map((kind) => `${kind}${OTHER_TASK}`)],
  },
};

describe.skipIf(isWithoutRedis)("a call that cannot do without a key that is of another type changes nothing", () => {
  for (const [name, { call, keys }] of Object.entries(CALLS))
    for (const kept of keys)
      test(`${name}, and ${kept}`, async () => {
        const found = await place();
        const key = `${found.base}${kept}`;
        const [type] = await tell(redis.url, ["TYPE", key]);
        const foreign = type === "string" ? ["RPUSH", key, "foreign"] : ["SET", key, "foreign"];
        const [, , before] = await tell(redis.url, ["DEL", key], foreign, ["DEBUG", "DIGEST"]);
        await expect(call(found)).rejects.toMatchObject({ code: "queue_unavailable" });
        expect(await tell(redis.url, ["DEBUG", "DIGEST"])).toEqual([before]);
      });
});
