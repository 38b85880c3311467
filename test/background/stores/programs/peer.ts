// A process that shares a queue's jobs with others and is controlled by the test: see peers.ts.
import { appendFileSync } from "node:fs";
import { background, type EventName, type Job, type JobQueue } from "rapidai/background";
import type { PeerCall, PeerMessage } from "../peers.ts";
import { queueOf, type SharedOptions } from "./shared.ts";

export interface Work {
  /** How long it takes. */
  readonly ms?: number;
  /** How many attempts fail before one succeeds. */
  readonly failures?: number;
}

const EVENTS: readonly EventName[] = ["started", "completed", "failed", "lost", "cancelled", "error"];

const send = (message: PeerMessage): void => void process.send?.(message);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
let queue: JobQueue;
let gate = Promise.withResolvers<string>();

/** Appends each start and end to a file, which outlives a killed process. */
function noteIn(journal: string | undefined, what: string, { id, attempt }: Job): void {
  const line = `${JSON.stringify({ what, id, attempt, at: Date.now(), pid: process.pid })}\n`;
  if (journal !== undefined) appendFileSync(journal, line);
}

function make(options: SharedOptions, journal?: string): void {
  queue = queueOf(options);
  for (const name of EVENTS) {
    queue.on(name, (event) => {
      const error = "error" in event ? String(event.error) : null;
      const jobId = "jobId" in event ? event.jobId : null;
      send({ kind: "event", name, jobId, error, at: Date.now() });
    });
  }
  if (options.worker === false) return;
  background({ name: "work", queue, maxRetries: 10, backoff: "100ms" }, async (work: Work | undefined, job) => {
    const { ms = 0, failures = 0 } = work ?? {};
    noteIn(journal, "start", job);
    if (ms > 0) await pause(ms);
    noteIn(journal, "end", job);
    if (job.attempt <= failures) throw new Error(`failure ${job.attempt}`);
    return { attempt: job.attempt, pid: process.pid };
  });
  // Ignores its signal, and goes on until the test opens the gate.
  background({ name: "stubborn", queue }, (_: undefined, job) => {
    job.signal.addEventListener("abort", () => {
      send({ kind: "aborted", jobId: job.id, code: job.signal.reason.code, at: Date.now() });
    });
    return gate.promise;
  });
}

const functions: Record<string, (...args: never[]) => unknown> = {
  make,
  openGate: (value: string) => {
    gate.resolve(value);
    gate = Promise.withResolvers();
  },
  cpuMicros: () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  /** Blocks the event loop: meanwhile no lease is renewed, and no message is read. */
  block: (ms: number) => {
    for (const endsAt = Date.now() + ms; Date.now() < endsAt; );
  },
  /** Makes a queue at an instant that several processes share. */
  makeAt: async (at: number, options: SharedOptions) => {
    while (Date.now() < at - 30) await pause(10);
    while (Date.now() < at) {}
    make(options);
    // With more processes than cores this may take a while, which is no failure.
    await queue.ready({ timeout: "20s" });
    return queue.enqueue("work", { ms: 0 });
  },
};

process.on("message", async ({ number, name, args }: PeerCall) => {
  try {
    const own = functions[name];
    const methods = queue as unknown as Record<string, (...args: never[]) => unknown>;
    const value = await (own === undefined ? methods[name]?.(...args) : own(...args));
    send({ kind: "answer", number, value });
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    send({ kind: "refusal", number, code, message });
  }
});
process.on("disconnect", () => process.exit(1));
send({ kind: "ready" });
