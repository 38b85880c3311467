// Tries to use a file as a user without special rights, and prints the refusals as JSON.
import { SqliteQueue } from "rapidai/background";

if (process.getuid?.() === 0) {
  process.setgroups?.([]);
  process.setgid?.(65_534);
  process.setuid?.(65_534);
}
const queue = new SqliteQueue({ path: process.argv[2], worker: false });
const refusals: unknown[] = [];
for (const call of [() => queue.ready({ timeout: "20s" }), () => queue.enqueue("work")]) {
  try {
    await call();
    refusals.push("none");
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    refusals.push({ code, message });
  }
}
process.stdout.write(JSON.stringify(refusals));
await queue.close();
