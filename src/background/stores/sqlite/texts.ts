import type { StatementSync } from "node:sqlite";
import { fromJson, type JsonText } from "./json-text.ts";
import type { Statements } from "./statements.ts";

/**
 * Longest texts, in characters, that are stored in the row of their job or its completion. A page has 4,096 bytes: half
 * of one for a payload; less for a result, as rows above a quarter of a page make a table without row ids branch little.
 */
const MAX_INLINE: Readonly<Record<TextKind, number>> = { payload: 2_048, result: 768 };

export type TextKind = "payload" | "result";

export function isLong(text: string, kind: TextKind): boolean {
  return text.length > MAX_INLINE[kind];
}

/** Long payloads and results, stored separately from their rows. */
export class Texts {
  readonly #put: StatementSync;
  readonly #get: StatementSync;

  constructor(db: Statements) {
    this.#put = db.prepare("INSERT OR REPLACE INTO rapidai_texts (job, kind, text) VALUES (?, ?, ?)");
    this.#get = db.prepare("SELECT json_quote(text) AS text FROM rapidai_texts WHERE job = ? AND kind = ?");
  }

  put(job: number, kind: TextKind, text: string): void {
    this.#put.run(job, kind, text);
  }

  get(job: number, kind: TextKind): string | null {
    const text = this.#get.get(job, kind)?.text as JsonText<string> | undefined;
    return text === undefined ? null : fromJson(text);
  }
}
