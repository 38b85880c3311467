import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import type { Store } from "../../src/background/core/store.ts";
import { HandClock } from "../../src/testing/conformance/hand-clock.ts";
import { ALL_JOBS, idOf } from "../../src/testing/conformance/scene.ts";
import type { OpenStore } from "../../src/testing/store-conformance.ts";
import { type Command, commandsAbout, LANES, type Whose } from "./commands.ts";
import { NaiveStore } from "./naive-store.ts";

export interface StoreCheck {
  /** How many to play at least, over many runs that each begin with an empty store. */
  readonly commands: number;
  /** The seed that a failure was reported with; otherwise every check has another one. */
  readonly seed?: number;
  /** How many jobs there can be in a run; few, so that commands often concern the same ones. */
  readonly jobs?: number;
  /** Whether a failing run is shrunk before it is reported. */
  readonly isShrunk?: boolean;
}

const COMMANDS_PER_RUN = 200;

/** Commands between two comparisons of payloads and log lines, which are most of what there is to read. */
const DETAILS_EVERY = 10;
/** All records are compared after each command if there are up to this many jobs, and less often if there are more. */
const JOBS_A_LOOK = 50;

/**
 * Plays random commands and clock moves on a store and, beside it, on the naive one. Compares every answer and,
 * after each command, the records of both; payloads and log lines less often.
 *
 * @example
 * ```ts
 * it("does what the naive store does", () => checkStore(({ clock }) => new MyStore({ clock }), { commands: 5_000 }));
 * ```
 */
export async function checkStore(openStore: OpenStore, check: StoreCheck): Promise<void> {
  const { commands, jobs = 8, isShrunk = true } = check;
  let seed = check.seed ?? Math.trunc(Math.random() * 2 ** 31);
  let played = 0;
  const numRuns = Math.min(20, Math.ceil(commands / COMMANDS_PER_RUN));
  const property = fc.asyncProperty(
    fc.array(commandsAbout(jobs), { minLength: 1, maxLength: COMMANDS_PER_RUN, size: "max" }),
    async (run) => {
      const clock = new HandClock();
      const model = new NaiveStore({ clock });
      const store = await openStore({ clock });
      try {
        await store.open();
        await play(run, new Run(store, model, clock, jobs));
      } finally {
        await store.close();
      }
      played += run.length;
    },
  );
  for (; played < commands; seed++) {
    const details = await fc.check(property, { seed, numRuns, endOnFailure: !isShrunk });
    if (details.failed) throw new Error(report(details, seed), { cause: details.errorInstance });
  }
}

async function play(commands: readonly Command[], run: Run): Promise<void> {
  // Has both read the clock before the run: their time never goes back from there.
  await run.compareRecords();
  for (const [number, command] of commands.entries()) {
    await run.play(command);
    if (number % run.recordsEvery === 0) await run.compareRecords();
    if (number % (DETAILS_EVERY * run.recordsEvery) === 0) await run.compareDetails();
  }
  await run.compareRecords();
  await run.compareDetails();
}

function report({ counterexample, errorInstance }: fc.RunDetails<[Command[]]>, seed: number): string {
  const commands = counterexample?.[0] ?? [];
  return [
    `The store and the naive one differ after ${commands.length} commands, found with seed ${seed}:`,
    ...commands.map((command) => JSON.stringify(command)),
    errorInstance instanceof Error ? errorInstance.message : String(errorInstance),
  ].join("\n");
}

/** Two stores under one clock, and the tokens of each job's claims. */
class Run {
  readonly #store: Store;
  readonly #model: Store;
  readonly #clock: HandClock;
  readonly #ids: readonly string[];
  readonly #tokens = new Map<string, string[]>();
  #claims = 0;

  constructor(store: Store, model: Store, clock: HandClock, jobs: number) {
    this.#store = store;
    this.#model = model;
    this.#clock = clock;
    this.#ids = Array.from({ length: jobs }, (_, n) => idOf(n));
  }

  async play(command: Command): Promise<void> {
    switch (command.do) {
      case "move":
        this.#clock.move(command.ms);
        await this.#noticeTime();
        return;
      case "enqueue": {
        const now = this.#clock.now();
        const jobs = command.jobs.map(({ job, runInMs, ...fields }) => ({
          ...fields,
          id: idOf(job),
          runAt: runInMs === null ? null : now + runInMs,
        }));
        await this.#both((store) => store.enqueue(jobs));
        return;
      }
      case "claim": {
        const { do: _, ...fields } = command;
        const token = `token-${++this.#claims}`;
        // Only some stores say whether there are several workers, which has a test of its own.
        const { jobs } = await this.#both(async (store) => ({
          ...(await store.claim({ ...fields, token })),
          isShared: undefined,
        }));
        for (const { id } of jobs) this.#tokens.set(id, [...(this.#tokens.get(id) ?? []), token]);
        return;
      }
      case "heartbeat": {
        const { slots, presenceMs, leaseMs } = command;
        const worker = { id: command.worker, tasks: ["a"], slots, concurrency: {}, version: "0.1.0" };
        const beats = command.beats.map((beat) => ({ ...this.#held(beat), patch: beat.patch }));
        await this.#both((store) => store.heartbeat({ worker, presenceMs, leaseMs, beats }));
        return;
      }
      case "settle": {
        const settlements = command.ends.map(({ job, whose, ...fields }) => ({
          ...fields,
          ...this.#held({ job, whose }),
        }));
        await this.#both((store) => store.settle(settlements));
        return;
      }
      case "cancel":
        await this.#both((store) =>
          store.cancel(command.requests.map(({ job, ...rest }) => ({ ...rest, id: idOf(job) }))),
        );
        return;
      case "retry":
        await this.#both((store) => store.retry(command.requests.map(({ job, task }) => ({ id: idOf(job), task }))));
        return;
      case "get":
        await this.#both((store) => store.get(command.jobs.map(idOf), command));
        return;
      case "list": {
        const before = command.before === null ? null : idOf(command.before);
        await this.#both((store) => store.list({ ...command, before }));
        return;
      }
      case "prune":
        await this.#both((store) => store.prune(command));
        return;
    }
  }

  /** Commands between two comparisons of all records. */
  get recordsEvery(): number {
    return Math.ceil(this.#ids.length / JOBS_A_LOOK);
  }

  async compareDetails(): Promise<void> {
    await this.#both((store) => store.get(this.#ids, { isDetailed: true, holdMs: 0 }));
  }

  /** Compares everything but payloads and log lines. */
  async compareRecords(): Promise<void> {
    await this.#both((store) => store.list({ ...ALL_JOBS, limit: this.#ids.length }));
    await this.#both((store) => store.count());
    await this.#both((store) => store.next(LANES));
  }

  /** Not every call reads the clock, and where the clock was set back, the time depends on when that was noticed. */
  async #noticeTime(): Promise<void> {
    await this.#both((store) => store.count());
  }

  #held({ job, whose }: { readonly job: number; readonly whose: Whose }): {
    readonly id: string;
    readonly token: string;
  } {
    const id = idOf(job);
    const tokens = this.#tokens.get(id) ?? [];
    const token = { current: tokens.at(-1), previous: tokens.at(-2), first: tokens[0], nobody: undefined }[whose];
    return { id, token: token ?? "nobody's" };
  }

  async #both<Answer>(call: (store: Store) => Promise<Answer>): Promise<Answer> {
    const expected = await call(this.#model);
    const actual = await call(this.#store);
    if (!isDeepStrictEqual(actual, expected)) assert.deepStrictEqual(wellFormed(actual), wellFormed(expected));
    return expected;
  }
}

/** A database may keep half a surrogate pair as a replacement character; nothing else may differ. */
function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(wellFormed);
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [wellFormed(key), wellFormed(item)]));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, wellFormed(item)]));
}
