import type { JobDetails, JobQueue } from "rapidai/background";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Peer, startPeers } from "./peers.ts";
import { queueOf, type SharedOptions } from "./programs/shared.ts";

// A busy machine may stop even those for a second that are to keep their lease.
const LEASE_MS = 2_000;
const LONG_LEASE_MS = 3_000;
let queue: JobQueue;
let peers: readonly Peer[];

/** Tests, for any store, of processes that are stopped or blocked for longer than their leases. */
export function testSleepers(optionsOf: () => SharedOptions, freeze: (peer: Peer) => Promise<void>): void {
  beforeAll(async () => {
    queue = queueOf({ ...optionsOf(), worker: false });
    peers = await startPeers(2, { ...optionsOf(), lease: LEASE_MS });
  });
  afterAll(() => queue.close());

  test("a process that slept through its lease learns that it lost the job, and its result changes nothing", async () => {
    const jobId = await queue.enqueue("stubborn");
    const [sleeper, other] = await rolesOf(jobId);
    await freeze(sleeper);
    await expect.poll(() => jobsIn(other, "started", jobId)).toEqual([jobId]);
    expect(jobsIn(other, "lost", jobId)).toEqual([jobId]);

    sleeper.signal("SIGCONT");
    await expect.poll(() => sleeper.aborts()).toMatchObject([{ jobId, code: "lease_lost" }]);
    await expect.poll(() => jobsIn(sleeper, "lost", jobId)).toContain(jobId);
    await sleeper.call("openGate", "of the sleeper");
    await sleeper.call("counts");
    expect(await queue.getResult(jobId)).toMatchObject({ status: "running", attempts: 2 });

    await other.call("openGate", "of the other");
    expect(await queue.wait(jobId)).toMatchObject({ status: "completed", result: "of the other", attempts: 2 });
    const { losses, history } = (await queue.getDetails(jobId)) as JobDetails;
    expect(losses).toBe(1);
    expect(history.map(({ status, error }) => [status, error?.name])).toEqual([
      ["failed", "JobError"],
      ["completed", undefined],
    ]);
    expect(jobsIn(sleeper, "completed", jobId)).toEqual([]);
    expect(other.aborts()).toEqual([]);
  });

  test("a result that is ready when a stopped process wakes up is refused if another process has finished the job", async () => {
    // The handler's timer expires while the process is stopped, so it returns at the moment of waking.
    const jobId = await queue.enqueue("work", { ms: LEASE_MS });
    const [sleeper, other] = await rolesOf(jobId);
    await freeze(sleeper);
    expect(await queue.wait(jobId)).toMatchObject({ result: { attempt: 2, pid: other.pid } });
    const before = await queue.getDetails(jobId);
    sleeper.signal("SIGCONT");
    await expect.poll(() => jobsIn(sleeper, "lost", jobId)).toContain(jobId);
    await sleeper.call("counts");
    expect(await queue.getDetails(jobId)).toEqual(before);
    expect(jobsIn(sleeper, "completed", jobId)).toEqual([]);
  });

  test("a process whose event loop was blocked past its lease learns that it lost the job, and its result changes nothing", async () => {
    const jobId = await queue.enqueue("stubborn");
    const [busy, other] = await rolesOf(jobId);
    // Two leases, and as long as the other process may take to look for lost jobs.
    const blocked = busy.call("block", 2 * LEASE_MS + 1_500);
    await expect.poll(() => jobsIn(other, "started", jobId), { timeout: 5_000 }).toEqual([jobId]);
    await blocked;
    await busy.call("openGate", "of the busy one");
    await expect.poll(() => jobsIn(busy, "lost", jobId)).toContain(jobId);
    expect(await queue.getResult(jobId)).toMatchObject({ status: "running", attempts: 2 });
    await other.call("openGate", "of the other");
    expect(await queue.wait(jobId)).toMatchObject({ status: "completed", result: "of the other", attempts: 2 });
    expect(jobsIn(busy, "completed", jobId)).toEqual([]);
  });

  test("a process that slept through its lease goes on with its job if nobody took it meanwhile", {
    timeout: 30_000,
  }, async () => {
    await Promise.all(peers.map((peer) => peer.end()));
    // Longer, since after waking its heartbeat must be answered within a twelfth of it, on a busy machine as well.
    const [only] = (await startPeers(1, { ...optionsOf(), lease: LONG_LEASE_MS })) as [Peer];
    const jobId = await queue.enqueue("stubborn");
    await expect.poll(() => jobsIn(only, "started", jobId)).toEqual([jobId]);
    await freeze(only);
    await new Promise((resolve) => setTimeout(resolve, LONG_LEASE_MS + 100));
    only.signal("SIGCONT");
    await only.call("counts");
    await new Promise((resolve) => setTimeout(resolve, LONG_LEASE_MS));
    await only.call("openGate", "late");
    expect(await queue.wait(jobId)).toMatchObject({ status: "completed", result: "late", attempts: 1 });
    expect(await queue.getDetails(jobId)).toMatchObject({ losses: 0, errors: [] });
    expect(only.aborts()).toEqual([]);
  });
}

const jobsIn = (peer: Peer, event: string, jobId: string): unknown[] =>
  peer.events(event).flatMap((told) => (told.jobId === jobId ? [told.jobId] : []));

/** The process that started the job, and the other. */
async function rolesOf(jobId: string): Promise<readonly [Peer, Peer]> {
  const starters = () => peers.filter((peer) => jobsIn(peer, "started", jobId).length > 0);
  await expect.poll(() => starters().length).toBe(1);
  const [first, second] = peers as [Peer, Peer];
  return starters()[0] === first ? [first, second] : [second, first];
}
