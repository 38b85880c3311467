// Runs under the permission model of Node.js, which forbids threads unless told otherwise.
import { JobError, newJobId, SqliteQueue } from "rapidai/background";

const queue = new SqliteQueue({ path: process.argv[2] ?? "" });
const calls = {
  ready: () => queue.ready({ timeout: "20s" }),
  enqueue: () => queue.enqueue("t"),
  get: () => queue.getResult(newJobId()),
};
const said: Record<string, unknown> = {};
for (const [name, call] of Object.entries(calls)) {
  said[name] = await call().catch((error) => error instanceof JobError && { code: error.code, message: error.message });
}
await queue.close();
const other = new SqliteQueue({ path: process.argv[2] ?? "", thread: false });
said.withoutThread = typeof (await other.enqueue("t"));
await other.close();
console.log(JSON.stringify(said));
