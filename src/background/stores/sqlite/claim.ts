import type { StatementSync } from "node:sqlite";
import { CallBudget } from "../../core/call-budget.ts";
import type { ClaimRequest } from "../../core/store.ts";
import type { JsonText } from "./json-text.ts";
import { type ClaimedRow, claimedColumns } from "./rows.ts";
import type { Tables } from "./tables.ts";

/** The jobs as JSON that SQLite makes, which is not parsed on this thread. */
export interface Claimed {
  readonly lost: JsonText<readonly ClaimedRow[]>;
  /** The jobs to run, by lane; lanes take turns, a job each. */
  readonly byLane: readonly JsonText<readonly ClaimedRow[]>[];
  readonly nextDueMs: number | null;
}

/** A due job as the index of its lane has it, with the size of its payload if that is stored separately. */
type Due = readonly [runAt: number, id: string, task: string, bytes?: number | null];

interface Turn {
  readonly lane: string;
  /** Most jobs to take. */
  readonly limit: number;
  /** That many due jobs, and one more if any would be left. */
  readonly due: readonly Due[];
  taken: number;
}

const NONE = "[]" as JsonText<readonly ClaimedRow[]>;

/** Claims due jobs, with lanes taking turns, and jobs whose lease has expired. Guard: the index of due jobs. */
export class Claim {
  readonly #tables: Tables;
  readonly #isAnyLong: StatementSync;
  readonly #lost: StatementSync;
  readonly #takeOver: StatementSync;
  readonly #readLost: StatementSync;
  readonly #due: StatementSync;
  readonly #dueWithSizes: StatementSync;
  readonly #run: StatementSync;
  readonly #read: StatementSync;
  readonly #removeDue: StatementSync;

  constructor(tables: Tables) {
    const { db } = tables;
    this.#tables = tables;
    this.#isAnyLong = db.prepare("SELECT 1 FROM rapidai_texts WHERE job > 0 LIMIT 1");
    const bytesOf = (key: string) =>
      `(SELECT octet_length(text) FROM rapidai_texts WHERE job = ${key} AND kind = 'payload')`;
    this.#lost = db.prepare(
      `SELECT run.key, ${bytesOf("run.key")} AS bytes FROM rapidai_running AS run CROSS JOIN rapidai_jobs AS job ON job.key = run.key
       WHERE lease_ends_at <= ? AND v <= ? ORDER BY lease_ends_at, id LIMIT ?`,
    );
    this.#takeOver = db.prepare("UPDATE rapidai_running SET token = ?, lease_ends_at = ? WHERE key = ?");
    this.#readLost = db.prepare(
      `SELECT json_group_array(${claimedColumns("run.worker", "run.attempted_at", "coalesce(run.usage, job.usage)")}) AS jobs
       FROM json_each(?) AS lost CROSS JOIN rapidai_running AS run ON run.key = lost.value
       CROSS JOIN rapidai_jobs AS job ON job.key = run.key`,
    );
    const due = "FROM rapidai_due WHERE lane = ? AND run_at <= ? ORDER BY run_at, id LIMIT ?";
    this.#due = db.prepare(`SELECT run_at, id, task ${due}`);
    this.#due.setReturnArrays(true);
    this.#dueWithSizes = db.prepare(`SELECT run_at, id, task, ${bytesOf("rapidai_due.key")} ${due}`);
    this.#dueWithSizes.setReturnArrays(true);
    // Each statement handles all jobs up to the last one taken, since a call costs as much as the change of a row.
    const first = "FROM rapidai_due AS due WHERE lane = ? AND (run_at, id) <= (?, ?)";
    this.#run = db.prepare(`INSERT INTO rapidai_running SELECT key, ?, ?, ?, ?, NULL, NULL ${first}`);
    this.#read = db.prepare(
      `SELECT json_group_array(${claimedColumns("?", "?", "job.usage")}) AS jobs
       FROM (SELECT key ${first} ORDER BY run_at, id) AS taken CROSS JOIN rapidai_jobs AS job ON job.key = taken.key`,
    );
    this.#removeDue = db.prepare("DELETE FROM rapidai_due WHERE lane = ? AND (run_at, id) <= (?, ?)");
  }

  run(request: ClaimRequest, now: number): Claimed {
    const budget = new CallBudget();
    const lost = this.#takeLost(request, now, budget);
    // Most queues have no long texts, and so need not look up each job's.
    const due = this.#isAnyLong.get() === undefined ? this.#due : this.#dueWithSizes;
    const turns = request.lanes.map((lane) => turnOf(lane, request.limit, now, due));
    deal(turns, request.limit, budget);
    const byLane = turns.map((turn) => this.#take(turn, request, now));
    if (turns.some(({ taken }) => taken > 0)) this.#tables.leases.endAt(now + request.leaseMs);
    const isAnyLeft = budget.isSpent || turns.some(({ due, taken }) => due.length > taken);
    return { lost, byLane, nextDueMs: isAnyLeft ? 0 : this.#nextDueMs(request, now) };
  }

  #takeLost({ token, leaseMs, lostLimit, maxVersion }: ClaimRequest, now: number, budget: CallBudget): Claimed["lost"] {
    const { leases } = this.#tables;
    if (lostLimit === 0 || !leases.mayHaveEnded(now)) return NONE;
    const overdue = this.#lost.all(now, maxVersion, lostLimit) as { key: number; bytes: number | null }[];
    const end = overdue.findIndex(({ bytes }) => !budget.take(bytes ?? 0));
    const keys = overdue.slice(0, end === -1 ? overdue.length : end).map(({ key }) => key);
    for (const key of keys) this.#takeOver.run(token, now + leaseMs, key);
    leases.recount();
    return keys.length === 0 ? NONE : (this.#readLost.get(JSON.stringify(keys))?.jobs as Claimed["lost"]);
  }

  #take({ lane, due, taken }: Turn, { worker, token, leaseMs }: ClaimRequest, now: number): Claimed["byLane"][number] {
    const last = due[taken - 1];
    if (last === undefined) return NONE;
    const [runAt, id] = last;
    this.#run.run(token, now + leaseMs, worker, now, lane, runAt, id);
    const jobs = this.#read.get(worker, now, lane, runAt, id)?.jobs as Claimed["byLane"][number];
    this.#removeDue.run(lane, runAt, id);
    this.#count(due.slice(0, taken));
    return jobs;
  }

  #count(taken: readonly Due[]): void {
    const { tally } = this.#tables;
    for (const [task, { length }] of Map.groupBy(taken, ([, , task]) => task)) {
      tally.note(task, "pending", -length);
      tally.note(task, "running", length);
    }
  }

  #nextDueMs({ lanes }: ClaimRequest, now: number): number | null {
    let next: number | null = null;
    for (const { lane } of lanes) {
      const first = this.#tables.line.first(lane, now);
      if (first !== null) next = Math.min(next ?? Number.POSITIVE_INFINITY, -first.waitMs);
    }
    return next;
  }
}

function turnOf(
  { lane, limit }: ClaimRequest["lanes"][number],
  limitOfAll: number,
  now: number,
  due: StatementSync,
): Turn {
  const most = Math.min(limit, limitOfAll);
  return { lane, limit: most, due: due.all(lane, now, most + 1) as unknown as Due[], taken: 0 };
}

/** Takes jobs from the lanes in turn, one from each. */
function deal(turns: readonly Turn[], limit: number, budget: CallBudget): void {
  let left = limit;
  for (let isAnyLeft = true; isAnyLeft && left > 0; ) {
    isAnyLeft = false;
    for (const turn of turns) {
      if (left === 0 || turn.taken === Math.min(turn.limit, turn.due.length)) continue;
      if (!budget.take(turn.due[turn.taken]?.[3] ?? 0)) return;
      turn.taken++;
      left--;
      isAnyLeft = true;
    }
  }
}
