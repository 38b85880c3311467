import { existsSync } from "node:fs";
import { sqlitePathOf } from "../background/backend-url.ts";
import { JobError } from "../background/core/errors.ts";
import type { Choice } from "../background/default-queue.ts";
import { isLogLeftOver } from "../background/stores/sqlite/leftover-log.ts";

/** Refuses an SQLite file without a queue: a wrong path must not create one, least of all in the database of another program. */
export async function refuseMissingQueue(choice: Choice): Promise<void> {
  const missing = await missingQueue(choice);
  if (missing !== undefined) throw new JobError("queue_unavailable", `${missing}: no program has created that queue.`);
}

/** What is missing, as a sentence without its full stop; `undefined` if the queue is there, or opening it will say what is wrong. */
export async function missingQueue({ backend, url }: Choice): Promise<string | undefined> {
  if (backend !== "sqlite") return undefined;
  const path = sqlitePathOf(url);
  if (path === "" || isLogLeftOver(path)) return undefined;
  if (!existsSync(path)) return `The file ${path} was not found`;
  return (await isWithoutQueue(path)) ? `The file ${path} contains no queue` : undefined;
}

async function isWithoutQueue(path: string): Promise<boolean> {
  try {
    const { DatabaseSync } = await import("node:sqlite");
    const db = new DatabaseSync(path);
    try {
      return db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'rapidai_schema'").get() === undefined;
    } finally {
      db.close();
    }
  } catch {
    return false;
  }
}
