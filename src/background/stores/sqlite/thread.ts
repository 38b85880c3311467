// The program of the thread that owns the connection.
import { parentPort, workerData } from "node:worker_threads";
import type { Message, Reply } from "./service.ts";

// Silences the experimental warning of node:sqlite; only this thread's warnings are affected.
process.removeAllListeners("warning");
const { inBatches } = await import("./batches.ts");
const { Service } = await import("./service.ts");

const { path, durability } = workerData;
const send = inBatches<Reply>(queueMicrotask, (replies) => parentPort?.postMessage(replies));
const service = new Service(path, durability, send);
parentPort?.on("message", (messages: readonly Message[]) => {
  for (const message of messages) void service.receive(message);
});
