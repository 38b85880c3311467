import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { inWords } from "../../../src/background/core/duration.ts";
import { explain, type Facts } from "../../../src/background/core/explanation.ts";
import type { JobRecord, WorkerPresence } from "../../../src/background/core/store.ts";
import { CREATED_AT as NOW, recordOf } from "./record.ts";

test.each([
  [-5, "0 ms"],
  [0, "0 ms"],
  [999.4, "999 ms"],
  [1_000, "1 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [272_000, "4 min 32 s"],
  [3_600_000, "1 h"],
  [5_400_000, "1 h 30 min"],
  [86_400_000 + 3_599_999, "1 d"],
  [90_000_000_000, "1041 d 16 h"],
])("%d ms are written as %s", (ms, words) => {
  expect(inWords(ms)).toBe(words);
});

test("the reference lists every cause, and no other", () => {
  const source = readFileSync(new URL("../../../src/background/core/explanation.ts", import.meta.url), "utf8");
  const union = /export type CauseCode =([\s\S]*?);/.exec(source)?.[1] ?? "";
  const page = readFileSync(new URL("../../../docs/reference/causes.md", import.meta.url), "utf8");
  const codes = Array.from(union.matchAll(/"(\w+)"/g), ([, code]) => code);
  expect(codes.length).toBeGreaterThan(15);
  expect(Array.from(page.matchAll(/^\| `(\w+)` \|/gm), ([, code]) => code)).toEqual(codes);
});

function worker(id: string, fields: Partial<WorkerPresence> = {}): WorkerPresence {
  return { id, tasks: ["work"], slots: 2, concurrency: {}, version: "1", ...fields };
}

function facts(job: JobRecord, fields: Partial<Facts>): Facts {
  const census = { at: NOW, tasks: new Map(), workers: [worker("w1")] };
  const more = { running: [], isMoreRunning: false, ahead: 0, isMoreAhead: false, fault: null, now: NOW };
  return { jobId: job.id, record: job, census, ...more, ...fields };
}

const codesOf = (given: Facts): string[] => explain(given).causes.map(({ code }) => code);
const running = (on: string, task = "work"): JobRecord => recordOf({ status: "running", worker: on, task });

test("workers of a task may be full for different reasons, and a task may have the name of a property of every object", () => {
  const tasks = ["constructor"];
  const workers = [worker("w1", { tasks }), worker("w2", { tasks, concurrency: { constructor: 1 } })];
  const busy = [running("w1", "other"), running("w1", "other"), running("w2", "constructor")];
  const given = facts(recordOf({ task: "constructor" }), {
    census: { at: NOW, tasks: new Map(), workers },
    running: busy,
  });
  const { causes } = explain(given);
  expect(causes.map(({ code }) => code)).toEqual(["slots_busy", "task_concurrency_full"]);
  expect(causes[1]?.message).toContain(": 3 on 2 workers");
});

test("where jobs of another task hold most slots, the remedy is to limit that task", () => {
  const remedyFor = (...tasks: string[]) => {
    const workers = [worker("w1", { slots: tasks.length })];
    const census = { at: NOW, tasks: new Map(), workers };
    return explain(facts(recordOf({}), { census, running: tasks.map((task) => running("w1", task)) })).causes[0]
      ?.remedy;
  };
  expect(remedyFor("work", "video", "video")).toContain("give 'video' a lower concurrency");
  expect(remedyFor("work", "work", "video")).not.toContain("lower");
  expect(remedyFor("work", "work", "work")).not.toContain("lower");
});

test("one worker with a free slot is enough, whatever others run", () => {
  const workers = [worker("w1"), worker("w2")];
  const given = {
    census: { at: NOW, tasks: new Map(), workers },
    running: [running("w1"), running("w1"), running("w2")],
  };
  expect(codesOf(facts(recordOf({}), given))).toEqual(["due_now"]);
  expect(codesOf(facts(recordOf({}), { ...given, running: [...given.running, running("w2")] }))).toEqual([
    "slots_busy",
  ]);
});

test("if too many jobs are running to be read, counts tell whether there is room", () => {
  const count = (running: number) => ({ pending: 1, running, completed: 0, failed: 0, cancelled: 0 });
  const with_ = (running: number, fields: Partial<WorkerPresence> = {}) =>
    codesOf(
      facts(recordOf({}), {
        isMoreRunning: true,
        census: {
          at: NOW,
          tasks: new Map([["work", count(running)]]),
          workers: [worker("w1", { slots: 5_000, ...fields })],
        },
      }),
    );
  expect(with_(4_999)).toEqual(["due_now"]);
  expect(with_(5_000)).toEqual(["slots_busy"]);
  expect(with_(2_000, { concurrency: { work: 2_000 } })).toEqual(["task_concurrency_full"]);
});

test("then each worker of the task is taken to run its share of them", () => {
  const count = (running: number) => ({ pending: 1, running, completed: 0, failed: 0, cancelled: 0 });
  const limited = { slots: 5_000, concurrency: { work: 2_000 } };
  const workers = [worker("w1", limited), worker("w2", limited), worker("w3", { slots: 5_000, tasks: ["mail"] })];
  const with_ = (running: number) =>
    codesOf(
      facts(recordOf({}), {
        isMoreRunning: true,
        census: { at: NOW, tasks: new Map([["work", count(running)]]), workers },
      }),
    );
  expect(with_(3_000)).toEqual(["due_now"]);
  expect(with_(4_000)).toEqual(["task_concurrency_full"]);
});

test("jobs of other tasks do not count against a task's limit, nor those of other workers against a worker's slots", () => {
  const census = (...workers: WorkerPresence[]) => ({ at: NOW, tasks: new Map(), workers });
  const limited = census(worker("w1", { slots: 3, concurrency: { work: 1 } }));
  expect(codesOf(facts(recordOf({}), { census: limited, running: [running("w1", "mail")] }))).toEqual(["due_now"]);
  const given = {
    census: census(worker("w1"), worker("w2", { tasks: ["mail"] })),
    running: [running("w1"), running("w1"), running("w2", "mail")],
  };
  expect(explain(facts(recordOf({}), given)).causes[0]?.message).toMatch(/ They run 2 of 'work'\.$/);
});

test("a job that has held a slot for over a minute is named: it may hang", () => {
  const workers = [worker("w1", { slots: 5, concurrency: { work: 2 } }), worker("w2", { slots: 1 })];
  const said = (minutes: number) => {
    const jobs = [0.5, minutes].map((ago) => ({ ...running("w1"), id: `of ${ago}`, attemptedAt: NOW - ago * 60_000 }));
    const given = { census: { at: NOW, tasks: new Map(), workers }, running: [...jobs, running("w2", "other")] };
    return explain(facts(recordOf({}), given)).causes.map(({ message, remedy }) => `${message} ${remedy}`);
  };
  const [slots, task] = said(90);
  expect(slots).not.toContain("longest");
  expect(task).toContain("Job of 90 has run longest, for 1 h 30 min.");
  expect(task).toContain("If that job hangs, cancel it");
  expect(said(0.9).join()).not.toContain("longest");
});

test("a job of a backlog that moves is behind others or next, although a slot is free between two of them", () => {
  const job = recordOf({ runAt: NOW - 60_000 });
  const started = (ago: number, fields: Partial<JobRecord> = {}) => ({
    running: [{ ...running("w1"), runAt: job.runAt - 1, attemptedAt: NOW - ago, ...fields }],
  });
  expect(codesOf(facts(job, { ...started(100), ahead: 7 }))).toEqual(["behind_others"]);
  expect(codesOf(facts(job, started(100)))).toEqual(["due_now"]);
  expect(codesOf(facts(job, { ...started(5_000), ahead: 7 }))).toEqual(["not_claimed"]);
  // Jobs of other tasks, or that came later, do not show that its turn comes.
  expect(codesOf(facts(job, started(100, { task: "other" })))).toEqual(["not_claimed"]);
  expect(codesOf(facts(job, started(100, { runAt: NOW })))).toEqual(["not_claimed"]);
});

test("a job that failed with retries left failed for good", () => {
  const past = [
    { attempt: 1, worker: "w1", startedAt: NOW, endedAt: NOW, name: "JobError", message: "no", stack: null },
  ];
  const failed = { status: "failed", completedAt: NOW, attempts: 1, past } as const;
  expect(codesOf(facts(recordOf({ ...failed, attemptLimit: 2 }), {}))).toEqual(["failed_permanently"]);
  expect(codesOf(facts(recordOf({ ...failed, attemptLimit: 1 }), {}))).toEqual(["failed_retries_used_up"]);
});

test("of several errors the latest is told, of a job that has failed and of one that waits for a retry", () => {
  const past = ["first", "latest"].map((message, at) => {
    return { attempt: at + 1, worker: "w1", startedAt: NOW, endedAt: NOW + at, name: "Error", message, stack: null };
  });
  for (const fields of [{ status: "failed", completedAt: NOW } as const, { runAt: NOW + 1_000 }])
    expect(explain(facts(recordOf({ attempts: 2, past, ...fields }), {})).causes).toMatchObject([
      { detail: "Error: latest" },
    ]);
});

test("what keeps the slots busy is told by task, the most frequent first", () => {
  const census = { at: NOW, tasks: new Map(), workers: [worker("w1", { slots: 3 })] };
  const jobs = [running("w1", "a"), running("w1", "b"), running("w1", "b")];
  const [busy] = explain(facts(recordOf({}), { census, running: jobs })).causes;
  expect(busy?.message).toMatch(/ They run 2 of 'b', 1 of 'a'\.$/);
});

test("a health check does not count as a worker", () => {
  const workers = [worker("health:1", { slots: 0 })];
  expect(codesOf(facts(recordOf({}), { census: { at: NOW, tasks: new Map(), workers } }))).toEqual(["no_worker"]);
});

test("a single worker, slot or retry is put in the singular", () => {
  const said = (job: Partial<JobRecord>, fields: Partial<Facts> = {}) =>
    explain(facts(recordOf(job), fields)).causes[0]?.message;
  const census = (...workers: WorkerPresence[]) => ({ at: NOW, tasks: new Map(), workers });
  const [one, other] = [worker("w1", { tasks: ["mail"], slots: 1 }), worker("w2", { tasks: ["mail"] })];
  expect(said({}, { census: census(one) })).toBe(
    "1 worker of this queue is alive, but it does not have the task 'work'. It has 'mail'.",
  );
  expect(said({}, { census: census(one, other) })).toBe(
    "2 workers of this queue are alive, but none has the task 'work'. They have 'mail'.",
  );
  expect(said({ task: "mail" }, { census: census(one), running: [running("w1", "mail")] })).toBe(
    "The only slot of the 1 worker that has the task 'mail' is busy. It runs 1 of 'mail'.",
  );
  const failed = { status: "failed", completedAt: NOW, attempts: 1, attemptLimit: 1 } as const;
  expect(said({ ...failed, maxRetries: 0 })).toMatch(/, and it has no retries\.$/);
  expect(said({ ...failed, maxRetries: 1 })).toMatch(/, and its only retry is used up\.$/);
  expect(said({ ...failed, maxRetries: 2 })).toMatch(/, and its 2 retries are used up\.$/);
  const past = [{ attempt: 1, worker: "w1", startedAt: NOW, endedAt: NOW, name: "Error", message: "no", stack: null }];
  const retrying = { attempts: 1, runAt: NOW + 2_000, past };
  expect(said({ ...retrying, attemptLimit: 2 })).toMatch(
    /^Attempt 1 failed 0 ms ago, and the last attempt starts 2 s /,
  );
});

test("the remedy says that a worker which was killed counts as alive until its lease expires", () => {
  const { causes } = explain(facts(running("w1"), {}));
  expect(causes).toMatchObject([
    { code: "running", remedy: expect.stringContaining("counts as alive until its lease expires") },
  ]);
});

test("if the store does not answer, the explanation says so, and the job's state is left open", () => {
  const explanation = explain(facts(recordOf({}), { record: null, census: null, fault: "it is away." }));
  expect(explanation).toMatchObject({
    task: null,
    status: null,
    causes: [{ code: "backend_unhealthy" }],
    at: new Date(NOW),
  });
});

test("a job that is due at an instant beyond any Date is explained all the same", () => {
  expect(explain(facts(recordOf({ runAt: 9e18 }), {})).causes[0]?.message).toContain("at +275760-09-13T00:00:00.000Z");
});
