import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { JsonText } from "./json-text.ts";
import type { Tally } from "./tally.ts";

/** Attempts of one claim and one task that are completed together. */
export interface Completion {
  readonly token: string;
  readonly task: string;
  readonly jobs: number;
  /**
   * Results by the keys of the jobs; `null` for one among the texts. Well-formed, since SQLite makes of half a surrogate
   * pair what is no text at all.
   */
  readonly results: JsonText<Readonly<Record<number, string | null>>>;
}

/** Attempts that reach their end as most do, all in a few statements: each call of one costs as much as the change of a row. */
export class Completions {
  readonly #tally: Tally;
  readonly #held: StatementSync;
  readonly #add: StatementSync;
  readonly #log: StatementSync;
  readonly #remove: StatementSync;

  constructor(db: DatabaseSync, tally: Tally) {
    const each = `FROM json_each(?1) AS done CROSS JOIN rapidai_running AS run
      ON run.key = CAST(done.key AS INTEGER) AND token = ?2 AND task = ?3`;
    this.#tally = tally;
    this.#held = db.prepare(
      `SELECT count(*) AS jobs, min(run.key) AS first, json_group_array(run.key) AS keys ${each}`,
    );
    this.#add = db.prepare(
      `INSERT INTO rapidai_completed SELECT task, run.id, run.key, ?4, token, worker, attempts, started_at, attempted_at,
       progress, usage, done.value ${each}`,
    );
    this.#log = db.prepare("INSERT INTO rapidai_completions VALUES (?, ?, ?)");
    this.#remove = db.prepare("DELETE FROM rapidai_running WHERE key IN (SELECT value FROM json_each(?))");
  }

  /** Completes all of them; or none, and answers `false`, when one is not this token's any more. */
  add({ token, task, jobs, results }: Completion, now: number): boolean {
    const held = this.#held.get(results, token, task);
    if (held?.jobs !== jobs) return false;
    const { first, keys } = held;
    this.#add.run(results, token, task, now);
    this.#log.run(now, first as number, keys as string);
    this.#remove.run(keys as string);
    this.#tally.note(task, "running", -jobs);
    this.#tally.note(task, "completed", jobs);
    return true;
  }
}
