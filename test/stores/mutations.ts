/** One guard of the memory store, broken. */
export interface Mutation {
  /** What the guard is for. */
  readonly guard: string;
  /** Within `src/background`. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

function inFile(
  file: string,
  ...mutations: readonly (readonly [guard: string, find: string, replace: string])[]
): Mutation[] {
  return mutations.map(([guard, find, replace]) => ({ guard, file, find, replace }));
}

/**
 * Each of these has to fail a test. What no caller can tell is not among them: guards that stand behind another one that
 * says the same, such as the status in `isHeldBy` behind the token that an ended attempt no longer has, and what only
 * keeps memory or time low.
 */
export const MUTATIONS: readonly Mutation[] = [
  ...inFile(
    "core/lifecycle.ts",
    ["what is completed stays completed", "completed: [],", 'completed: ["pending"],'],
    ["what failed cannot be cancelled", 'failed: ["pending"],', 'failed: ["pending", "cancelled"],'],
    [
      "running jobs can be cancelled",
      'running: ["pending", "completed", "failed", "cancelled"],',
      'running: ["pending"],',
    ],
    ["a failed job is done", 'status === "completed" || status === "failed" ||', 'status === "completed" ||'],
    [
      "a job is not claimed before its time",
      'job.status === "pending" && job.runAt <= now',
      'job.status === "pending"',
    ],
    ["a job is claimed at its time", "job.runAt <= now", "job.runAt < now"],
    ["a token owns an attempt", 'job.status === "running" && job.token === token', 'job.status === "running"'],
    ["a lease protects until it ends", "job.leaseEndsAt <= now", "job.leaseEndsAt <= now + 1_000"],
    ["a lease protects no longer than that", "job.leaseEndsAt <= now", "job.leaseEndsAt < now"],
    ["only what is done is retried by hand", "isDone(status) && NEXT", "NEXT"],
  ),
  ...inFile(
    "stores/memory/store.ts",
    ["another task's id is a conflict", 'known.task === job.task ? "known" : "conflict"', '"known"'],
    [
      "a finished job keeps its id",
      "if (known !== undefined) return known.task",
      'if (known?.status === "pending") return known.task',
    ],
    ["a lane's own limit", "turn.left > 0 ?", "true ?"],
    ["the limit of all lanes", "if (left === 0) break;", ""],
    ["lanes take turns", "isAnyTaken = true;\n        turn.left--;", "isAnyTaken = false;\n        turn.left--;"],
    ["an attempt counts when it is claimed", "record.attempts++;", ""],
    ["the first start stays", "record.startedAt ??= now;", "record.startedAt = now;"],
    ["progress begins anew", "record.progress = null;", ""],
    ["a lost job has a new token", "record.token = token;", "record.token ??= token;"],
    [
      "a claim gives a lease",
      "record.leaseEndsAt = now + leaseMs;\n    this.#leaseFloor = Math.min(this.#leaseFloor, record.leaseEndsAt);\n  }",
      "record.leaseEndsAt = now + leaseMs;\n  }",
    ],
    [
      "a heartbeat may shorten a lease",
      "this.#leaseFloor = Math.min(this.#leaseFloor, record.leaseEndsAt);\n      if (patch",
      "if (patch",
    ],
    ["a heartbeat renews the lease", "record.leaseEndsAt = now + leaseMs;\n      this", "this"],
    ["later record versions are left alone", "isLost(record, now) && record.v <= maxVersion", "isLost(record, now)"],
    ["the longest overdue comes first", "a.leaseEndsAt - b.leaseEndsAt || ", ""],
    ["lost jobs come back a few at a time", ".slice(0, lostLimit)", ""],
    [
      "a heartbeat is fenced",
      "if (!isHeldBy(record, token)) return",
      'if (record.status !== "running" || record.token === null) return',
    ],
    ["a heartbeat learns of a cancel", 'wasCancelled(record, token) ? "cancelled" : "lost"', '"lost"'],
    ["a settlement is fenced", "if (!isHeldBy(record, token)) {", 'if (record.status !== "running") {'],
    ["a settlement learns of a cancel", 'if (wasCancelled(record, token)) return "cancelled";', ""],
    ["an attempt has one end", "record.endedToken === token && record.endedAs === to", "record.endedToken === token"],
    ["an end is that of an attempt", "record.endedToken === token && record.endedAs === to", "record.endedAs === to"],
    [
      "a cancel is that of an attempt",
      'record.endedToken === token && record.endedAs === "cancelled"',
      'record.endedAs === "cancelled"',
    ],
    ["an end is remembered", "record.end(to);", ""],
    ["a cancel ends the attempt", 'record.end("cancelled");', ""],
    ["an attempt handed back does not count", "if (settlement.isUncounted) record.attempts--;", ""],
    ["a loss counts", "if (settlement.isLoss) record.losses++;", ""],
    ["a job handed back keeps its place", "now + settlement.delayMs;", "now;"],
    ["no delay leaves the place in the line", "if (settlement.delayMs !== null) ", ""],
    ["only a completed job has a result", 'to === "completed" ? settlement.result : null', "settlement.result"],
    ["another task's job is left alone", "task === null || record?.task === task ? record", "true ? record"],
    ["a retry by hand gives a new budget", "record.attemptLimit = record.attempts + record.maxRetries + 1;", ""],
    ["a retry by hand forgets losses", "record.losses = 0;", ""],
    ["a retry by hand forgets who cancelled", "record.cancelledBy = null;", ""],
    ["a retry by hand is due now", "record.runAt = now;", ""],
    ["the longest hold counts", "Math.max(record.heldUntil, now + holdMs)", "now + holdMs"],
    ["pruning has one limit", "limit - old.length", "limit"],
    ["time does not go back", "Math.max(this.#lastNow, this.#clock.now())", "this.#clock.now()"],
    ["a closed store is closed", "if (this.#isClosed) {", "if (false) {"],
    ["what is done has an end", "isDone(to) ? now : null", "record.completedAt ?? (isDone(to) ? now : null)"],
    ["a retried job is not among the finished", "if (isDone(from)) this.#finishedOf(from).drop(record);", ""],
    ["failed jobs are kept apart", 'status === "completed" ? this.#completed : this.#failed', "this.#completed"],
    ["a task without jobs is gone", "this.#forgetTask(record.task);", ""],
    ["a silent worker is gone", "if (goneAt <= now) this", "if (goneAt < now) this"],
    ["a leaving worker is gone", "} else this.#workers.delete(worker.id);", "}"],
    ["the next due job is the earliest", "Math.min(next ?? Number.POSITIVE_INFINITY, ", "Math.max("],
    ["ended jobs are told of", "finished.push(id);\n      }", "}"],
    ["cancelled jobs are told of", "running.push(id);", ""],
    ["ready lanes are told of", 'lanes.add(record.lane);\n      return "stored";', 'return "stored";'],
    ["who stopped listening is told nothing", "this.#listeners[kind].delete(own)", "false"],
  ),
  ...inFile(
    "stores/memory/record.ts",
    ["no job is due before now", "Math.max(now, job.runAt ?? now + job.delayMs)", "job.runAt ?? now + job.delayMs"],
    ["runAt goes before a delay", "job.runAt ?? now + job.delayMs", "now + job.delayMs"],
    ["log lines are bounded", "[...this.logs, ...patch.logs].slice(-MAX_LOG_LINES)", "[...this.logs, ...patch.logs]"],
    ["failures are bounded", "[...this.past, past].slice(-MAX_PAST_ATTEMPTS)", "[...this.past, past]"],
    ["progress is a copy", "Object.freeze({ ...patch.progress })", "patch.progress"],
    ["log lines are a copy", "[...this.logs] : NONE", "(this.logs as string[]) : NONE"],
    ["payloads are for details", 'isDetailed ? this.payload : ""', "this.payload"],
  ),
  ...inFile(
    "stores/memory/finished.ts",
    ["a job that finished twice is one", "entry.record.finished === entry", "entry.record.completedAt === entry.at"],
    ["a held job is spared", "entry.record.heldUntil > now", "false"],
    ["a held job is pruned later", "this.#line.unshift(held);", ""],
    ["as many as the count are kept", "this.#line.live > keep", "this.#line.live >= keep"],
    ["the age is reached, not passed", "entry.at >= finishedBefore", "entry.at > finishedBefore"],
    ["no more are pruned than asked for", "while (old.length < limit)", "while (true)"],
  ),
  ...inFile(
    "stores/memory/lane.ts",
    ["the earlier of line and heap is next", "isBefore(inHeap, inLine) ? inHeap : inLine", "inLine"],
    ["what left the lane is dead", 'record.status === "pending" && record.runAt === at', "record.runAt === at"],
  ),
  ...inFile("stores/memory/entry.ts", [
    "of one instant, the least id is first",
    "a.record.id < b.record.id",
    "a.record.id > b.record.id",
  ]),
  ...inFile(
    "stores/memory/heap.ts",
    ["a heap's parent is before its children", "if (!isBefore(entry, entries[parent] as Entry)) break;", "break;"],
    [
      "a heap goes on below the smaller child",
      "isBefore(entries[child + 1] as Entry, entries[child] as Entry)",
      "false",
    ],
  ),
  ...inFile(
    "stores/memory/id-index.ts",
    ["ids that come late take their place", "last === undefined || isBehind(record, last)", "true"],
    [
      "a page begins before its cursor",
      "record.chunk === chunk && (before === null || record.id < before)",
      "record.chunk === chunk",
    ],
    ["what left an index is not listed", "if (record.chunk === chunk && ", "if ("],
  ),
  ...inFile("stores/memory/line.ts", ["a line is in order", "isBefore(entry, entries[place - 1] as Entry)", "false"]),
  ...inFile("stores/memory/merge.ts", [
    "pages of many tasks are one page",
    "(sources[place - 1] as Source).head.id > next.head.id",
    "false",
  ]),
];
