import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { newFolder, type Peer } from "../peers.ts";
import { testSleepers } from "../sleepers.ts";

const path: string = join(newFolder(), "jobs.db");

/** Stops a process as a debugger or a sleeping machine does, but not while it writes, when nobody else could. */
async function freeze(peer: Peer): Promise<void> {
  const db = new DatabaseSync(path);
  for (let isFree = false; !isFree; ) {
    peer.signal("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 5));
    try {
      db.exec("BEGIN IMMEDIATE; ROLLBACK");
      isFree = true;
    } catch {
      peer.signal("SIGCONT");
    }
  }
  db.close();
}

testSleepers(() => ({ path }), freeze);
