// The program of the thread that has the connection.
import { parentPort, workerData } from "node:worker_threads";
import type { Message, Reply } from "./service.ts";

// That node:sqlite is young is known to whoever chose this queue; a thread has warnings of its own.
process.removeAllListeners("warning");
const { inBatches } = await import("./batches.ts");
const { Service } = await import("./service.ts");

const { path, durability } = workerData;
const send = inBatches<Reply>(queueMicrotask, (replies) => parentPort?.postMessage(replies));
const service = new Service(path, durability, send);
parentPort?.on("message", (messages: readonly Message[]) => {
  for (const message of messages) void service.receive(message);
});
