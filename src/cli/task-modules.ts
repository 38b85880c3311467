import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { onTaskMade } from "../background/background.ts";
import type { AnyTask } from "../background/engine/task.ts";
import { UsageError } from "./exit-code.ts";

/** A module that takes longer is told of. */
const SLOW_MS = 5_000;

/**
 * Loads modules and returns the tasks that were made by them, exported or not. Node.js runs TypeScript as it is, as long
 * as types are all that must be taken out of it. Queues that they have of their own do not work yet.
 *
 * @param onSlow a module is not loaded yet: it may wait for what comes only after that, as a job
 * @throws UsageError when a file is not there or none makes a task; whatever a module throws
 */
export async function loadTasks(files: readonly string[], onSlow: (file: string) => void): Promise<readonly AnyTask[]> {
  const paths = files.map((file) => resolve(file));
  const missing = paths.find((path) => !existsSync(path));
  if (missing !== undefined) throw new UsageError(`There is no file ${missing}.`);
  const tasks: AnyTask[] = [];
  const stop = onTaskMade((task) => {
    tasks.push(task);
    // It would begin by itself, while modules are still to come which its jobs may need.
    void task.options.queue?.stop();
  });
  try {
    for (const path of paths) {
      const timer = setTimeout(() => onSlow(path), SLOW_MS);
      await load(path).finally(() => clearTimeout(timer));
    }
  } finally {
    stop();
  }
  if (tasks.length === 0) {
    throw new UsageError(
      `${files.join(", ")}: no task was made by background(). If there is one, it is of another copy of rapidai: run the command line of the same project, npx rapidai.`,
    );
  }
  return tasks;
}

async function load(path: string): Promise<void> {
  try {
    await import(pathToFileURL(path).href);
  } catch (error) {
    const { code, url, message, stack } = error as Error & { readonly code?: string; readonly url?: string };
    const why = whyNotAsItIs(code, url);
    if (why === null) throw new Error(`${path} could not be loaded: ${stack ?? String(error)}`, { cause: error });
    throw new UsageError(
      `${path} cannot be run as it is: ${message}. ${why}; compile it, or load it with tsx: NODE_OPTIONS="--import tsx".`,
    );
  }
}

/** What a compiler of TypeScript would have done, and Node.js does not; `null` if that is not what an error is about. */
function whyNotAsItIs(code: string | undefined, url: string | undefined): string | null {
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") return "Node.js takes types out and nothing else";
  if (code !== "ERR_MODULE_NOT_FOUND" || url === undefined) return null;
  // Node.js tells the url of a module that is a file, and of no other.
  const source = fileURLToPath(url).replace(/(\.[cm]?)js$|$/, (_, ending = ".") => `${ending}ts`);
  return existsSync(source) ? `There is ${source}, and Node.js takes no file but the one that an import names` : null;
}
