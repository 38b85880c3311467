// A process that runs jobs, and ends with the one that started it.

import { queueAt } from "./queue.ts";
import { demonstrationIn } from "./task.ts";

const [url = "", folder = ""] = process.argv.slice(2);
// Ctrl-C reaches every process of the terminal; it is the first one's to end the others.
process.on("SIGINT", () => {});
process.once("disconnect", () => process.exit());

const queue = queueAt(url, true);
demonstrationIn(folder, queue);
await queue.start();
