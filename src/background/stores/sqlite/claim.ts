import type { StatementSync } from "node:sqlite";
import type { ClaimAnswer, ClaimedJob, ClaimRequest } from "../../core/store.ts";
import { CLAIMED_COLUMNS, claimedJobOf, type JobRow } from "./rows.ts";
import type { Tables } from "./tables.ts";

interface Turn {
  readonly keys: number[];
  next: number;
}

/** Hands out due jobs, lanes by turns, and jobs whose lease ran out. Guard: the status and the time that the index has. */
export class Claim {
  readonly #tables: Tables;
  readonly #lost: StatementSync;
  readonly #release: StatementSync;
  readonly #due: StatementSync;
  readonly #take: StatementSync;
  readonly #read: StatementSync;
  readonly #nextDue: StatementSync;

  constructor(tables: Tables) {
    const { db } = tables;
    this.#tables = tables;
    this.#lost = db.prepare(
      "SELECT key FROM rapidai_jobs WHERE status = 1 AND lease_ends_at <= ? AND v <= ? ORDER BY lease_ends_at, id LIMIT ?",
    );
    this.#release = db.prepare(
      `UPDATE rapidai_jobs SET token = ?, lease_ends_at = ? WHERE key = ? RETURNING ${CLAIMED_COLUMNS}`,
    );
    this.#due = db.prepare(
      "SELECT key FROM rapidai_jobs WHERE status = 0 AND lane = ? AND run_at <= ? ORDER BY run_at, id LIMIT ?",
    );
    // One statement for all, since each call of one costs as much as the change of a row.
    this.#take = db.prepare(
      `UPDATE rapidai_jobs SET status = 1, token = ?1, lease_ends_at = ?2, worker = ?3, attempts = attempts + 1,
       started_at = coalesce(started_at, ?4), attempted_at = ?4, progress = NULL
       WHERE key IN (SELECT value FROM json_each(?5))`,
    );
    this.#read = db.prepare(
      `SELECT ${CLAIMED_COLUMNS} FROM json_each(?) AS taken CROSS JOIN rapidai_jobs ON rapidai_jobs.key = taken.value ORDER BY taken.key`,
    );
    this.#nextDue = db.prepare(
      "SELECT run_at FROM rapidai_jobs WHERE status = 0 AND lane = ? ORDER BY run_at, id LIMIT 1",
    );
  }

  run(request: ClaimRequest, now: number): ClaimAnswer {
    const { token, worker, leaseMs, lostLimit, maxVersion } = request;
    const { tally } = this.#tables;
    const endsAt = now + leaseMs;
    const jobs: ClaimedJob[] = this.#lost.all(now, maxVersion, lostLimit).map(({ key }) => {
      return this.#handOut(this.#release.get(token, endsAt, key as number), token, true);
    });
    const dealt = this.#deal(request, now);
    if (dealt.length > 0) {
      const keys = JSON.stringify(dealt);
      this.#take.run(token, endsAt, worker, now, keys);
      for (const taken of this.#read.all(keys)) {
        const job = this.#handOut(taken, token, false);
        tally.note(job.task, "pending", -1);
        tally.note(job.task, "running", 1);
        jobs.push(job);
      }
    }
    return { jobs, nextDueMs: this.#nextDueMs(request, now) };
  }

  #handOut(taken: unknown, token: string, isLost: boolean): ClaimedJob {
    const { texts, handedOut } = this.#tables;
    const row = taken as JobRow;
    const { key, task, lane, attempts } = row;
    const job = claimedJobOf(row, isLost, texts);
    handedOut.add(row.id, { token, key, task, lane, attempts, worker: job.worker, attempted_at: job.attemptedAt });
    return job;
  }

  /** The due jobs in the order of the turns. */
  #deal({ lanes, limit }: ClaimRequest, now: number): number[] {
    const turns = lanes.map(({ lane, limit: own }): Turn => {
      const keys = limit > 0 && own > 0 ? this.#due.all(lane, now, Math.min(own, limit)) : [];
      return { keys: keys.map(({ key }) => key as number), next: 0 };
    });
    const dealt: number[] = [];
    for (let isAnyLeft = true; isAnyLeft && dealt.length < limit; ) {
      isAnyLeft = false;
      for (const turn of turns) {
        const key = turn.keys[turn.next];
        if (key === undefined || dealt.length === limit) continue;
        turn.next++;
        dealt.push(key);
        isAnyLeft = true;
      }
    }
    return dealt;
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
