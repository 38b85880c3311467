import type { StatementSync } from "node:sqlite";
import type { ClaimRequest } from "../../core/store.ts";
import type { JsonText } from "./json-text.ts";
import { CLAIMED_COLUMNS, type ClaimedRow } from "./rows.ts";
import type { Tables } from "./tables.ts";

/** Who waits, as the index of a lane has it. */
type Due = readonly [runAt: number, id: string, key: number, task: string];

interface Turn {
  readonly lane: string;
  readonly due: readonly Due[];
  taken: number;
}

/** The jobs as SQLite writes them: nobody on this thread reads them. */
export interface Claimed {
  /** How many of the jobs were lost: the first ones. */
  readonly lost: number;
  readonly jobs: JsonText<readonly ClaimedRow[]>;
  readonly nextDueMs: number | null;
}

/** Hands out due jobs, lanes by turns, and jobs whose lease ran out. Guard: the lane and the time that the index has. */
export class Claim {
  readonly #tables: Tables;
  readonly #lost: StatementSync;
  readonly #release: StatementSync;
  readonly #due: StatementSync;
  readonly #leave: StatementSync;
  readonly #take: StatementSync;
  readonly #read: StatementSync;
  readonly #nextDue: StatementSync;

  constructor(tables: Tables) {
    const { db } = tables;
    this.#tables = tables;
    this.#lost = db.prepare(
      "SELECT key FROM rapidai_running WHERE lease_ends_at <= ? AND v <= ? ORDER BY lease_ends_at, id LIMIT ?",
    );
    this.#release = db.prepare("UPDATE rapidai_running SET token = ?, lease_ends_at = ? WHERE key = ?");
    this.#due = db.prepare(
      "SELECT run_at, id, key, task FROM rapidai_due WHERE lane = ? AND run_at <= ? ORDER BY run_at, id LIMIT ?",
    );
    this.#due.setReturnArrays(true);
    this.#leave = db.prepare("DELETE FROM rapidai_due WHERE lane = ? AND (run_at, id) <= (?, ?)");
    // One statement for all, since each call of one costs as much as the change of a row.
    this.#take = db.prepare(
      `INSERT INTO rapidai_running SELECT job.key, job.id, v, task, ?1, ?2, ?3, attempts + 1, coalesce(started_at, ?4), ?4,
       NULL, usage FROM json_each(?5) AS taken CROSS JOIN rapidai_jobs AS job ON job.key = taken.value`,
    );
    this.#read = db.prepare(
      `SELECT json_group_array(json_array(${CLAIMED_COLUMNS})) AS jobs FROM json_each(?) AS taken
       CROSS JOIN rapidai_running AS run ON run.key = taken.value CROSS JOIN rapidai_jobs AS job ON job.key = run.key`,
    );
    this.#nextDue = db.prepare("SELECT run_at FROM rapidai_due WHERE lane = ? ORDER BY run_at, id LIMIT 1");
  }

  run(request: ClaimRequest, now: number): Claimed {
    const lost = this.#takeLost(request, now);
    const taken = this.#takeDue(request, now);
    const keys = JSON.stringify([...lost, ...taken]);
    return {
      lost: lost.length,
      jobs: this.#read.get(keys)?.jobs as Claimed["jobs"],
      nextDueMs: this.#nextDueMs(request, now),
    };
  }

  #takeLost({ token, leaseMs, lostLimit, maxVersion }: ClaimRequest, now: number): number[] {
    const { leases } = this.#tables;
    if (lostLimit === 0 || !leases.mayHaveEnded(now)) return [];
    const keys = this.#lost.all(now, maxVersion, lostLimit).map(({ key }) => key as number);
    for (const key of keys) this.#release.run(token, now + leaseMs, key);
    leases.recount();
    return keys;
  }

  #takeDue(request: ClaimRequest, now: number): number[] {
    const turns = request.lanes.map(({ lane, limit }): Turn => {
      const most = Math.min(limit, request.limit);
      return { lane, due: most > 0 ? (this.#due.all(lane, now, most) as unknown as Due[]) : [], taken: 0 };
    });
    const keys = deal(turns, request.limit);
    if (keys.length === 0) return keys;
    for (const { lane, due, taken } of turns) {
      const last = due[taken - 1];
      if (last === undefined) continue;
      this.#leave.run(lane, last[0], last[1]);
      for (const [, , , task] of due.slice(0, taken)) this.#started(task);
    }
    const endsAt = now + request.leaseMs;
    this.#take.run(request.token, endsAt, request.worker, now, JSON.stringify(keys));
    this.#tables.leases.endAt(endsAt);
    return keys;
  }

  #started(task: string): void {
    this.#tables.tally.note(task, "pending", -1);
    this.#tables.tally.note(task, "running", 1);
  }

  #nextDueMs({ lanes }: ClaimRequest, now: number): number | null {
    let next: number | null = null;
    for (const { lane } of lanes) {
      const first = this.#nextDue.get(lane);
      if (first === undefined) continue;
      next = Math.min(next ?? Number.POSITIVE_INFINITY, Math.max(0, (first.run_at as number) - now));
    }
    return next;
  }
}

/** The due jobs in the order of the turns. */
function deal(turns: readonly Turn[], limit: number): number[] {
  const dealt: number[] = [];
  for (let isAnyLeft = true; isAnyLeft && dealt.length < limit; ) {
    isAnyLeft = false;
    for (const turn of turns) {
      const due = turn.due[turn.taken];
      if (due === undefined || dealt.length === limit) continue;
      turn.taken++;
      dealt.push(due[2]);
      isAnyLeft = true;
    }
  }
  return dealt;
}
