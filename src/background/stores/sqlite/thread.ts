// The program of the thread that has the connection.
import { parentPort, workerData } from "node:worker_threads";
import type { Message, Reply } from "./service.ts";

// That node:sqlite is young is known to whoever chose this queue; a thread has warnings of its own.
process.removeAllListeners("warning");
const { Service } = await import("./service.ts");

const { path, durability } = workerData;
const service = new Service(path, durability, (reply: Reply) => parentPort?.postMessage(JSON.stringify(reply)));
parentPort?.on("message", (message: string) => void service.receive(JSON.parse(message) as Message));
