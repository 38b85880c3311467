import { setTimeout } from "node:timers/promises";
import { background, InMemoryQueue } from "rapidai/background";

// #region in-memory-queue
const queue = new InMemoryQueue({ concurrency: 2 });

const resizeImage = background({ queue }, async function resizeImage({ file }: { file: string }) {
  await setTimeout(100);
  return { resized: file };
});
// #endregion

queue.on("started", ({ jobId }) => console.log(`${jobId} started`));
queue.on("completed", ({ jobId, durationMs }) => console.log(`${jobId} completed in ${Math.round(durationMs)} ms`));

const files = ["ada.png", "grace.png", "joan.png", "mary.png"];
const jobIds = await resizeImage.enqueueMany(files.map((file) => ({ file })));
console.log("Two at a time:");
for (const jobId of jobIds) await resizeImage.wait(jobId);
console.log(`${(await queue.counts()).byStatus.completed} of ${files.length} completed.`);

await queue.close();
