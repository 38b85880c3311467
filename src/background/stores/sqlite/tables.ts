import { Attempts } from "./attempts.ts";
import { Completions } from "./completions.ts";
import { Journal } from "./journal.ts";
import { LatestTime } from "./latest-time.ts";
import { Leases } from "./leases.ts";
import { Line } from "./line.ts";
import type { Statements } from "./statements.ts";
import { Tally } from "./tally.ts";
import { Texts } from "./texts.ts";

/** What every call works on: statements of a connection, and the tables beside that of the jobs. */
export class Tables {
  readonly db: Statements;
  readonly texts: Texts;
  readonly journal: Journal;
  readonly tally: Tally;
  readonly line: Line;
  readonly leases: Leases;
  readonly latestTime: LatestTime;
  readonly attempts: Attempts;
  readonly completions: Completions;

  constructor(db: Statements) {
    this.db = db;
    this.texts = new Texts(db);
    this.journal = new Journal(db);
    this.tally = new Tally(db);
    this.line = new Line(db);
    this.leases = new Leases(db);
    this.latestTime = new LatestTime(db);
    this.attempts = new Attempts(db, this.journal);
    this.completions = new Completions(db, this.tally);
  }
}
