import type { StatementSync } from "node:sqlite";
import type { Attempt, Group } from "../../core/claimed-attempts.ts";
import { type JsonText, toJson } from "./json-text.ts";
import type { Statements } from "./statements.ts";
import type { Tally } from "./tally.ts";

/** Attempts of one claim and one task that are completed together. */
export interface Completion {
  readonly token: string;
  readonly task: string;
  readonly jobs: number;
  /**
   * Results by the keys of the jobs; `null` for one that is stored separately. Well-formed, since SQLite turns a lone
   * surrogate into invalid text.
   */
  readonly results: JsonText<Readonly<Record<number, string | null>>>;
}

/** A claimed attempt, with the key of its job; its kind is the task. */
export interface KeyedAttempt extends Attempt {
  readonly key: number;
}

export function completionOf({ token, kind, settlements, attempts }: Group<KeyedAttempt>): Completion {
  const results: Record<number, string | null> = {};
  for (const [index, { key }] of attempts.entries()) results[key] = settlements[index]?.result?.toWellFormed() ?? null;
  return { token, task: kind, jobs: attempts.length, results: toJson(results) };
}

interface Held {
  readonly jobs: number;
  readonly first: number;
  readonly keys: string;
  readonly worker: JsonText<string>;
  readonly attempted_at: number;
}

/** Completes attempts that report nothing else, in a few statements for all: a call costs as much as a changed row. */
export class Completions {
  readonly #tally: Tally;
  readonly #held: StatementSync;
  readonly #add: StatementSync;
  readonly #log: StatementSync;
  readonly #remove: StatementSync;

  constructor(db: Statements, tally: Tally) {
    const each = `FROM json_each(?) AS done CROSS JOIN rapidai_running AS run ON run.key = CAST(done.key AS INTEGER)`;
    this.#tally = tally;
    this.#held = db.prepare(
      `SELECT count(*) AS jobs, min(run.key) AS first, json_group_array(run.key) AS keys, json_quote(worker) AS worker, attempted_at
       ${each} AND token = ?`,
    );
    this.#add = db.prepare(
      `INSERT INTO rapidai_completed SELECT job.task, job.id, ?, ?, run.progress, run.usage, done.value
       ${each} CROSS JOIN rapidai_jobs AS job ON job.key = run.key`,
    );
    this.#log = db.prepare("INSERT INTO rapidai_completions VALUES (?, ?, ?, json_extract(?, '$'), ?, ?)");
    this.#remove = db.prepare("DELETE FROM rapidai_running WHERE key IN (SELECT value FROM json_each(?))");
  }

  /** Completes all of them; or none, and returns `false`, if the token no longer owns one of them. */
  add({ token, task, jobs, results }: Completion, now: number): boolean {
    const held = this.#held.get(results, token) as unknown as Held;
    if (held.jobs !== jobs) return false;
    const { first, keys, worker, attempted_at } = held;
    this.#add.run(now, first, results);
    this.#log.run(now, first, token, worker, attempted_at, keys);
    this.#remove.run(keys);
    this.#tally.note(task, "running", -jobs);
    this.#tally.note(task, "completed", jobs);
    return true;
  }
}
