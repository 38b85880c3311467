// A process that runs jobs, and exits with the process that started it.

import { queueAt } from "./queue.ts";
import { demonstrationIn } from "./task.ts";

const [url = "", folder = ""] = process.argv.slice(2);
// Ctrl-C reaches every process of the terminal; the first process is the one that ends the others.
process.on("SIGINT", () => {});
process.once("disconnect", () => process.exit());

const queue = queueAt(url, true);
demonstrationIn(folder, queue);
await queue.start();
