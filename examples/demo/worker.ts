// A process that runs jobs, and ends with the one that started it.

import { analyzeDocumentOn } from "./analyze-document.ts";
import { Archive } from "./archive.ts";
import { queueAt } from "./queue.ts";

const [url = "", folder = ""] = process.argv.slice(2);
// Ctrl-C reaches every process of the terminal; it is the first one's to end the others.
process.on("SIGINT", () => {});
process.once("disconnect", () => process.exit());

const queue = queueAt(url, true);
analyzeDocumentOn(queue, new Archive(folder));
await queue.start();
