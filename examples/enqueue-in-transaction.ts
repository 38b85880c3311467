import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { background, SqliteQueue } from "rapidai/background";

const folder = mkdtempSync(join(tmpdir(), "rapidai-example-"));
const path = join(folder, "shop.db");

// #region enqueue-in-transaction
const queue = new SqliteQueue({ path });
const sendReceipt = background({ name: "send-receipt", queue }, async ({ order }: { order: number }) => {
  return `receipt of order ${order}`;
});

await queue.ready(); // the queue's tables exist now
const db = new DatabaseSync(path, { timeout: 2_000 }); // waits its turn while the queue writes
db.exec("CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER)");

function placeOrder(order: number, total: number): string {
  db.exec("BEGIN IMMEDIATE");
  try {
    db.prepare("INSERT INTO orders VALUES (?, ?)").run(order, total);
    const jobId = queue.enqueueWithin(db, sendReceipt, { order });
    if (total < 0) throw new RangeError(`order ${order} has a negative total`);
    db.exec("COMMIT"); // the order and its job exist from now on
    return jobId;
  } catch (error) {
    db.exec("ROLLBACK"); // neither of them was stored
    throw error;
  }
}
// #endregion

console.log((await sendReceipt.wait(placeOrder(1, 4_900))).result);
try {
  placeOrder(2, -1);
} catch (error) {
  console.log(`Refused: ${(error as Error).message}.`);
}
console.log("Jobs:", (await queue.listJobs()).length);

db.close();
await queue.close();
rmSync(folder, { recursive: true });
