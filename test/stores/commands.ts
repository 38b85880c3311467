import fc from "fast-check";
import { JOB_STATUSES, type JobStatus } from "../../src/background/core/status.ts";
import type { Failure, Patch } from "../../src/background/core/store.ts";

/**
 * One call of a store, or a move of the clock, as plain data, which is shrunk and printed when a run fails. Jobs
 * are numbers, and tokens say whose they are: what these stand for is known when the command is played.
 */
export type Command =
  | { readonly do: "move"; readonly ms: number }
  | { readonly do: "enqueue"; readonly jobs: readonly EnqueuedJob[] }
  | {
      readonly do: "claim";
      readonly worker: string;
      readonly lanes: readonly { readonly lane: string; readonly limit: number }[];
      readonly limit: number;
      readonly lostLimit: number;
      readonly leaseMs: number;
      readonly maxVersion: number;
    }
  | {
      readonly do: "heartbeat";
      readonly worker: string;
      readonly slots: number;
      readonly presenceMs: number;
      readonly leaseMs: number;
      readonly beats: readonly Beaten[];
    }
  | { readonly do: "settle"; readonly ends: readonly Ended[] }
  | { readonly do: "cancel"; readonly requests: readonly (Named & { readonly by: string | null })[] }
  | { readonly do: "retry"; readonly requests: readonly Named[] }
  | { readonly do: "get"; readonly jobs: readonly number[]; readonly isDetailed: boolean; readonly holdMs: number }
  | {
      readonly do: "list";
      readonly status: JobStatus | null;
      readonly task: string | null;
      readonly before: number | null;
      readonly limit: number;
      readonly isBrief: boolean;
    }
  | { readonly do: "prune"; readonly completed: Kept; readonly failed: Kept; readonly limit: number };

interface EnqueuedJob {
  readonly job: number;
  readonly task: string;
  readonly lane: string;
  readonly v: number;
  readonly payload: string;
  readonly maxRetries: number;
  readonly delayMs: number;
  /** Milliseconds from now. */
  readonly runInMs: number | null;
  readonly trace: string | null;
}

/** The token of the job's latest claim, of the one before, of the first, or of nobody. */
export type Whose = "current" | "previous" | "first" | "nobody";

interface Beaten {
  readonly job: number;
  readonly whose: Whose;
  readonly patch: Patch | null;
}

interface Ended extends Beaten {
  readonly to: "completed" | "failed" | "pending";
  readonly result: string | null;
  readonly delayMs: number | null;
  readonly isUncounted: boolean;
  readonly isLoss: boolean;
  readonly failure: Failure | null;
}

interface Named {
  readonly job: number;
  readonly task: string | null;
}

interface Kept {
  readonly ageMs: number | null;
  readonly count: number | null;
}

const TASKS = ["a", "b", "__proto__"] as const;
export const LANES = ["a", "b", "a@2", "__proto__"] as const;
const WORKERS = ["worker-1", "worker-2", "constructor"] as const;
const TEXTS = ["", "x", "__proto__", "a\0b", '{"__proto__":1}', "\ud800", "é🙂\u2028", "'; --"] as const;

const TRACES = ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "__proto__", "é\0 {}".repeat(60)] as const;

const text = fc.constantFrom(...TEXTS);
const task = fc.constantFrom(...TASKS);
const worker = fc.constantFrom(...WORKERS);
const shortMs = fc.constantFrom(0, 1, 2, 5, 10, 50);
/** Few instants, so that many things happen at the same one. */
const waitMs = fc.oneof({ weight: 8, arbitrary: shortMs }, { weight: 1, arbitrary: fc.constantFrom(1_000, 2 ** 33) });
const leaseMs = fc.constantFrom(1, 5, 10, 50, 1_000);
const mostly = <Value>(value: Value, other: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: other });
const orNull = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null, freq: 2 });

const patch = orNull(
  fc.record<Patch>({
    progress: orNull(
      fc.record({
        fraction: orNull(fc.constantFrom(0, 0.1, 1)),
        done: orNull(fc.nat(9)),
        total: fc.constant(null),
        message: orNull(text),
      }),
    ),
    logs: mostly<string[]>(
      [],
      fc.oneof(fc.array(text, { maxLength: 3 }), fc.constant(Array.from({ length: 600 }, (_, n) => `${n}`))),
    ),
    usage: orNull(
      fc.record({ inputTokens: fc.nat(9), outputTokens: fc.nat(), cost: orNull(fc.constantFrom(0, 0.25)) }),
    ),
  }),
);
const failure = orNull(fc.record<Failure>({ name: text, message: text, stack: orNull(text) }));
const kept = fc.record<Kept>({ ageMs: orNull(fc.constantFrom(0, 5, 50, 1_000)), count: orNull(fc.nat(3)) });
const whose = mostly<Whose>("current", fc.constantFrom("previous", "first", "nobody"));

/** Commands about this many jobs. */
export function commandsAbout(jobs: number): fc.Arbitrary<Command> {
  const most = Math.max(3, Math.ceil(jobs / 5));
  const job = fc.nat(jobs - 1);
  const batch = <Item>(item: fc.Arbitrary<Item>) => fc.array(item, { maxLength: most, size: "max" });
  const limit = fc.nat(most);
  const named = { job, task: mostly<string | null>(null, task) };
  const beaten = { job, whose, patch };
  const commands: Record<
    Command["do"],
    { readonly weight: number; readonly fields: Record<string, fc.Arbitrary<unknown>> }
  > = {
    move: {
      weight: 3,
      fields: { ms: fc.oneof({ weight: 8, arbitrary: shortMs }, fc.constantFrom(-7, -60_000, 1_000, 2 ** 33)) },
    },
    enqueue: {
      weight: 4,
      fields: {
        jobs: batch(
          fc.record({
            job,
            task: mostly<string>("a", task),
            lane: mostly<string>("a", fc.constantFrom(...LANES)),
            v: mostly(1, fc.constant(2)),
            payload: text,
            maxRetries: fc.nat(2),
            delayMs: mostly(0, waitMs),
            runInMs: mostly<number | null>(null, fc.oneof(waitMs, fc.constant(-5))),
            trace: mostly<string | null>(null, fc.constantFrom(...TRACES)),
          }),
        ),
      },
    },
    claim: {
      weight: 5,
      fields: {
        worker,
        lanes: mostly(
          LANES.map((lane) => ({ lane: lane as string, limit: most })),
          fc.uniqueArray(fc.record({ lane: fc.constantFrom(...LANES, "unknown"), limit }), {
            selector: ({ lane }) => lane,
            maxLength: LANES.length,
            size: "max",
          }),
        ),
        limit: mostly(most, limit),
        lostLimit: mostly(most, limit),
        leaseMs,
        maxVersion: mostly(1, fc.constantFrom(0, 2)),
      },
    },
    heartbeat: {
      weight: 2,
      fields: { worker, slots: fc.nat(3), presenceMs: shortMs, leaseMs, beats: batch(fc.record(beaten)) },
    },
    settle: {
      weight: 5,
      fields: {
        ends: batch(
          fc.record({
            ...beaten,
            to: fc.constantFrom("completed", "failed", "pending"),
            result: orNull(text),
            delayMs: orNull(waitMs),
            isUncounted: mostly(false, fc.constant(true)),
            isLoss: mostly(false, fc.constant(true)),
            failure,
          }),
        ),
      },
    },
    cancel: { weight: 2, fields: { requests: batch(fc.record({ ...named, by: orNull(text) })) } },
    retry: { weight: 3, fields: { requests: batch(fc.record(named)) } },
    get: { weight: 1, fields: { jobs: batch(job), isDetailed: fc.boolean(), holdMs: waitMs } },
    list: {
      weight: 2,
      fields: {
        status: orNull(fc.constantFrom(...JOB_STATUSES)),
        task: orNull(task),
        before: orNull(job),
        limit,
        isBrief: fc.boolean(),
      },
    },
    prune: { weight: 1, fields: { completed: kept, failed: kept, limit } },
  };
  return fc.oneof(
    ...Object.entries(commands).map(([name, { weight, fields }]) => ({
      weight,
      arbitrary: fc.record({ do: fc.constant(name), ...fields }) as fc.Arbitrary<unknown> as fc.Arbitrary<Command>,
    })),
  );
}
