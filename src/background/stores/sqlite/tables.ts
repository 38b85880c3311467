import type { DatabaseSync } from "node:sqlite";
import { HandedOut } from "./handed-out.ts";
import { Journal } from "./journal.ts";
import { Tally } from "./tally.ts";
import { Texts } from "./texts.ts";

/** What every call works on: a connection, and the tables beside that of the jobs. */
export class Tables {
  readonly db: DatabaseSync;
  readonly texts: Texts;
  readonly journal: Journal;
  readonly tally: Tally;
  readonly handedOut: HandedOut = new HandedOut();

  constructor(db: DatabaseSync) {
    this.db = db;
    this.texts = new Texts(db);
    this.journal = new Journal(db);
    this.tally = new Tally(db);
  }
}
