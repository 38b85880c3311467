import assert from "node:assert/strict";
import type { ClaimRequest, HandedJob, NewJob } from "../../background/core/store.ts";
import { type StoreCase, storeCase } from "./case.ts";
import { idOf, LEASE_MS, newJob, OTHER_TASK, type Scene, TASK } from "./scene.ts";
import { listen } from "./subscribe.ts";

// What holds whether a store makes use of an offer or leaves the job to the next claim.

interface Waiting {
  readonly offer: string;
  /** Waits for the jobs that were handed over. */
  handed(): Promise<HandedJob>;
}

/** A worker that listens for offered jobs after its claim found nothing. */
async function wait(scene: Scene, claim: Partial<ClaimRequest> = {}): Promise<Waiting> {
  const heard = await listen(scene, "ready");
  const offer = scene.newToken();
  assert.deepEqual(await scene.take({ offer, ...claim }), []);
  const handed = async () => {
    await heard.includes(TASK);
    const all = heard.signals.flatMap((signal) => (signal.kind === "ready" && signal.handed ? [signal.handed] : []));
    assert.equal(all.length, 1, "one job should be handed over");
    return all[0] as HandedJob;
  };
  return { offer, handed };
}

/** Enqueues the job with this number, and returns whether it is running already. */
async function isHanded(scene: Scene, n: number, fields: Partial<NewJob> = {}): Promise<boolean> {
  assert.deepEqual(await scene.store.enqueue([newJob(n, fields)]), ["stored"]);
  return (await scene.record(idOf(n))).status === "running";
}

export const offerCases: readonly StoreCase[] = [
  storeCase("offer: a new job is claimed under the offer as by a claim, or waits for one", async (scene) => {
    // Before any claim that looks for lost jobs.
    const { offer, handed } = await wait(scene, { worker: "worker one", lostLimit: 0 });
    scene.clock.move(100);
    const isOver = await isHanded(scene, 1, { trace: "a trace", payload: '"one\\ntwo"' });
    const now = scene.clock.now();
    const job = isOver
      ? await handed()
      : { token: offer, job: (await scene.claim({ token: offer, worker: "worker one" })).jobs[0] };
    assert.deepEqual(job, {
      token: offer,
      job: {
        v: 1,
        id: idOf(1),
        task: TASK,
        payload: '"one\\ntwo"',
        trace: "a trace",
        isLost: false,
        worker: "worker one",
        attempts: 1,
        attemptLimit: 4,
        maxRetries: 3,
        losses: 0,
        createdAt: now,
        runAt: now,
        attemptedAt: now,
        usage: null,
      },
    });
    const { status, attempts, startedAt, attemptedAt, worker } = await scene.record(idOf(1));
    assert.deepEqual(
      { status, attempts, startedAt, attemptedAt, worker },
      { status: "running", attempts: 1, startedAt: now, attemptedAt: now, worker: "worker one" },
    );
    assert.deepEqual(await scene.list({ status: "running", task: TASK }), [idOf(1)]);
    assert.deepEqual(await scene.list({ status: "pending", task: TASK }), []);
    assert.deepEqual(await scene.take(), []);
    assert.equal(await scene.settle({ id: idOf(1), token: offer }), "settled");
  }),

  storeCase("offer: the lease of a job that was handed over expires like any other", async (scene) => {
    // A lease that ends later determines when to look for lost jobs.
    await scene.start(1, {}, { leaseMs: 2 * LEASE_MS });
    const { offer } = await wait(scene);
    if (!(await isHanded(scene, 2))) await scene.takeOne({ token: offer });
    scene.clock.move(LEASE_MS - 1);
    assert.deepEqual(await scene.take(), []);
    scene.clock.move(1);
    const { jobs } = await scene.claim();
    assert.deepEqual(
      jobs.map(({ id, isLost }) => [id, isLost]),
      [[idOf(2), true]],
    );
  }),

  storeCase("offer: a lease that ends before that of a job which was handed over expires in time", async (scene) => {
    await scene.start(1, {}, { leaseMs: 10 });
    await wait(scene);
    await isHanded(scene, 2);
    scene.clock.move(10);
    const { jobs } = await scene.claim();
    assert.deepEqual([jobs[0]?.id, jobs[0]?.isLost], [idOf(1), true]);
  }),

  storeCase("offer: an offer gets one job, and the next one waits", async (scene) => {
    await wait(scene);
    const isFirst = await isHanded(scene, 1);
    assert.equal(await isHanded(scene, 2), false);
    assert.deepEqual(await scene.take(), isFirst ? [idOf(2)] : [idOf(1), idOf(2)]);
  }),

  storeCase(
    "offer: the next claim returns the job that was handed over again, and counts it towards its limit",
    async (scene) => {
      const { offer, handed } = await wait(scene);
      const isFirst = await isHanded(scene, 1);
      await scene.add([2, 3]);
      const answer = await scene.claim({ limit: 2, offered: offer });
      assert.deepEqual(
        answer.jobs.map(({ id }) => id),
        isFirst ? [idOf(2)] : [idOf(1), idOf(2)],
      );
      assert.deepEqual(answer.handed, isFirst ? await handed() : undefined);
      assert.deepEqual((await scene.claim({ offered: offer })).handed, undefined);
    },
  ),

  storeCase("offer: a job that was handed over counts towards its lane's limit", async (scene) => {
    const { offer } = await wait(scene);
    const isFirst = await isHanded(scene, 1);
    await scene.add([2, 3]);
    await scene.add([4], { task: OTHER_TASK });
    const lanes = [
      { lane: TASK, limit: 1 },
      { lane: OTHER_TASK, limit: 2 },
    ];
    assert.deepEqual(
      (await scene.take({ lanes, offered: offer })).toSorted(),
      isFirst ? [idOf(4)] : [idOf(1), idOf(4)],
    );
  }),

  storeCase(
    "offer: a job that was handed over counts towards the limit even if its lane has none left",
    async (scene) => {
      const { offer } = await wait(scene);
      const isFirst = await isHanded(scene, 1);
      await scene.add([2], { task: OTHER_TASK });
      await scene.add([3], { lane: "urgent" });
      const lanes = [TASK, OTHER_TASK, "urgent"].map((lane) => ({ lane, limit: lane === TASK ? 0 : 1 }));
      const taken = await scene.take({ lanes, limit: 2, offered: offer });
      assert.deepEqual(taken, (isFirst ? [2] : [2, 3]).map(idOf));
    },
  ),

  storeCase("offer: a job that was handed over may take the only slot", async (scene) => {
    const { offer } = await wait(scene);
    const isFirst = await isHanded(scene, 1);
    await scene.add([2]);
    assert.deepEqual(await scene.take({ limit: 1, offered: offer }), isFirst ? [] : [idOf(1)]);
  }),

  storeCase("offer: a job that was handed over and has ended meanwhile is not returned again", async (scene) => {
    const { offer } = await wait(scene);
    if (await isHanded(scene, 1)) await scene.settle({ id: idOf(1), token: offer });
    else await scene.finish(1, "cancelled");
    await scene.add([2]);
    const { jobs, handed } = await scene.claim({ limit: 1, offered: offer });
    assert.deepEqual([jobs.map(({ id }) => id), handed], [[idOf(2)], undefined]);
  }),

  storeCase("offer: a job that was handed over and cancelled meanwhile is not returned again", async (scene) => {
    const { offer } = await wait(scene);
    await isHanded(scene, 1);
    await scene.store.cancel([{ id: idOf(1), task: null, by: null }]);
    assert.equal((await scene.claim({ offered: offer })).handed, undefined);
  }),

  storeCase(
    "offer: a job that was handed over, lost meanwhile and claimed by another is not returned again",
    async (scene) => {
      const { offer } = await wait(scene);
      if (!(await isHanded(scene, 1))) await scene.takeOne();
      scene.clock.move(LEASE_MS);
      assert.equal((await scene.claim()).jobs.length, 1);
      assert.equal((await scene.claim({ offered: offer })).handed, undefined);
    },
  ),

  storeCase("offer: the next claim ends it", async (scene) => {
    const { offer } = await wait(scene);
    // It finds nothing either and makes no offer.
    assert.deepEqual(await scene.take({ offered: offer }), []);
    assert.equal(await isHanded(scene, 1), false);
  }),

  storeCase("offer: a claim that filled every slot makes no offer", async (scene) => {
    await scene.add([1]);
    await listen(scene, "ready");
    assert.deepEqual(await scene.take({ limit: 1, offer: scene.newToken() }), [idOf(1)]);
    assert.equal(await isHanded(scene, 2), false);
  }),

  storeCase("offer: an offer is for the lanes of its claim", async (scene) => {
    await wait(scene);
    assert.equal(await isHanded(scene, 1, { task: OTHER_TASK }), false);
    assert.equal(await isHanded(scene, 2, { lane: "urgent" }), false);
  }),

  storeCase("offer: an offer is not for lanes that only an earlier claim named", async (scene) => {
    const lanes = [TASK, OTHER_TASK].map((lane) => ({ lane, limit: 10 }));
    const { offer } = await wait(scene, { lanes });
    assert.deepEqual(await scene.take({ offered: offer, offer: scene.newToken(), lanes: lanes.slice(0, 1) }), []);
    assert.equal(await isHanded(scene, 1, { task: OTHER_TASK }), false);
  }),

  storeCase("offer: a job that is not due waits for its time", async (scene) => {
    await wait(scene);
    assert.equal(await isHanded(scene, 1, { delayMs: 1_000 }), false);
    assert.deepEqual(await scene.take(), []);
  }),

  storeCase("offer: a job that is due already is not overtaken", async (scene) => {
    await scene.add([1], { delayMs: 1_000 });
    await wait(scene);
    scene.clock.move(1_000);
    assert.equal(await isHanded(scene, 2), false);
    assert.deepEqual(await scene.take(), [idOf(1), idOf(2)]);
  }),

  storeCase("offer: a job that exists already is not handed over", async (scene) => {
    await scene.start(1);
    await wait(scene);
    assert.deepEqual(await scene.add([1]), ["known"]);
    assert.equal((await scene.record(idOf(1))).attempts, 1);
    if (await isHanded(scene, 2)) assert.deepEqual(await scene.take(), []);
    else assert.deepEqual(await scene.take(), [idOf(2)]);
  }),

  storeCase("offer: a long payload arrives whole", async (scene) => {
    const { offer, handed } = await wait(scene);
    const payload = JSON.stringify("ä".repeat(2_000));
    const job = (await isHanded(scene, 1, { payload }))
      ? (await handed()).job
      : (await scene.claim({ token: offer })).jobs[0];
    assert.equal(job?.payload, payload);
  }),
];
