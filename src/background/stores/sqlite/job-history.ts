import type { StatementSync } from "node:sqlite";
import { readPastAttempt } from "../../core/failure.ts";
import { MAX_LOG_LINES, MAX_PAST_ATTEMPTS } from "../../core/limits.ts";
import { parsed } from "../../core/parsed.ts";
import type { PastAttempt } from "../../core/store.ts";
import { fromJson, type JsonText } from "./json-text.ts";
import type { Statements } from "./statements.ts";

/** The newest log lines and failed attempts of jobs. */
export class JobHistory {
  readonly #addLine: StatementSync;
  readonly #trimLines: StatementSync;
  readonly #lines: StatementSync;
  readonly #addPast: StatementSync;
  readonly #trimPast: StatementSync;
  readonly #past: StatementSync;

  constructor(db: Statements) {
    const trim = (table: string, keep: number) =>
      db.prepare(
        `DELETE FROM ${table} WHERE key IN (SELECT key FROM ${table} WHERE job = ? ORDER BY key DESC LIMIT -1 OFFSET ${keep})`,
      );
    this.#addLine = db.prepare("INSERT INTO rapidai_logs (job, line) VALUES (?, ?)");
    this.#trimLines = trim("rapidai_logs", MAX_LOG_LINES);
    this.#lines = db.prepare("SELECT json_quote(line) AS line FROM rapidai_logs WHERE job = ? ORDER BY key");
    this.#addPast = db.prepare("INSERT INTO rapidai_past (job, failure) VALUES (?, ?)");
    this.#trimPast = trim("rapidai_past", MAX_PAST_ATTEMPTS);
    this.#past = db.prepare("SELECT failure FROM rapidai_past WHERE job = ? ORDER BY key");
  }

  addLines(job: number, lines: readonly string[]): void {
    for (const line of lines.slice(-MAX_LOG_LINES)) this.#addLine.run(job, line);
    this.#trimLines.run(job);
  }

  lines(job: number): readonly string[] {
    return this.#lines.all(job).map((row) => fromJson(row.line as JsonText<string>));
  }

  addPast(job: number, past: PastAttempt): void {
    this.#addPast.run(job, JSON.stringify(past));
    this.#trimPast.run(job);
  }

  past(job: number): readonly PastAttempt[] {
    return this.#past.all(job).flatMap((row) => readPastAttempt(parsed(row.failure as string)) ?? []);
  }
}
