// Run by worker.test.ts: a module that sets options of the default queue.
import { background, getQueue } from "rapidai/background";

const queue = getQueue({ concurrency: 3, retention: { age: "90d" } });
background({ name: "slots" }, async () => (await queue.health()).workers.map(({ slots }) => slots));
