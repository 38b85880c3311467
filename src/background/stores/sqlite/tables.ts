import { Attempts } from "./attempts.ts";
import { Completions } from "./completions.ts";
import { JobHistory } from "./job-history.ts";
import { LatestTime } from "./latest-time.ts";
import { Leases } from "./leases.ts";
import { Line } from "./line.ts";
import type { Statements } from "./statements.ts";
import { Tally } from "./tally.ts";
import { Texts } from "./texts.ts";

/** A connection's statements, and the tables other than that of the jobs. */
export class Tables {
  readonly db: Statements;
  readonly texts: Texts;
  readonly history: JobHistory;
  readonly tally: Tally;
  readonly line: Line;
  readonly leases: Leases;
  readonly latestTime: LatestTime;
  readonly attempts: Attempts;
  readonly completions: Completions;

  constructor(db: Statements) {
    this.db = db;
    this.texts = new Texts(db);
    this.history = new JobHistory(db);
    this.tally = new Tally(db);
    this.line = new Line(db);
    this.leases = new Leases(db);
    this.latestTime = new LatestTime(db);
    this.attempts = new Attempts(db, this.history);
    this.completions = new Completions(db, this.tally);
  }

  /** Writes the counts that a transaction has changed, and its time; call it before the commit. */
  conclude(now: number, latest: number): void {
    this.tally.write();
    this.latestTime.note(now, latest);
  }

  /** Discards the changes of the counts after a rollback. */
  forget(): void {
    this.tally.drop();
  }
}
