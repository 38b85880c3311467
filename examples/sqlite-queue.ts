import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { background, SqliteQueue } from "rapidai/background";

const folder = mkdtempSync(join(tmpdir(), "rapidai-example-"));
process.chdir(folder);

// #region sqlite-queue
const queue = new SqliteQueue({ path: "jobs.db" });

const convertVideo = background({ name: "convert-video", queue }, async (file: string) => {
  return { converted: file };
});

const jobId = await convertVideo.enqueue("holiday.mov"); // stored in the file: it survives this process
// #endregion

console.log((await convertVideo.wait(jobId)).status);
await queue.close();

const again = new SqliteQueue({ path: "jobs.db", worker: false });
console.log("Another process finds it:", (await again.getResult(jobId))?.result);
await again.close();

process.chdir(tmpdir());
rmSync(folder, { recursive: true });
