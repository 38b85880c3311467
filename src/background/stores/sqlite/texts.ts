import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Texts up to so many characters stand in the job's own row: about half of a page of the file. */
const MAX_INLINE = 2_048;

export type TextKind = "payload" | "result";

/** The long ones among payloads and results. */
export class Texts {
  readonly #put: StatementSync;
  readonly #get: StatementSync;

  constructor(db: DatabaseSync) {
    this.#put = db.prepare("INSERT OR REPLACE INTO rapidai_texts (job, kind, text) VALUES (?, ?, ?)");
    this.#get = db.prepare("SELECT text FROM rapidai_texts WHERE job = ? AND kind = ?");
  }

  isLong(text: string | null): text is string {
    return text !== null && text.length > MAX_INLINE;
  }

  put(job: number, kind: TextKind, text: string): void {
    this.#put.run(job, kind, text);
  }

  get(job: number, kind: TextKind): string | null {
    return (this.#get.get(job, kind)?.text as string | undefined) ?? null;
  }
}
