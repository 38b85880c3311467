import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { onTaskMade } from "../background/background.ts";
import type { AnyTask } from "../background/engine/task.ts";
import { UsageError } from "./exit-code.ts";

/** How long loading a module may take before it is reported. */
const SLOW_MS = 5_000;

/**
 * Loads modules and returns the tasks that they define, exported or not. Node.js runs TypeScript directly if only types
 * have to be erased. The tasks' own queues are stopped, so that no job starts before all modules are loaded.
 *
 * @param onSlow called if a module takes long to load: it may be waiting for a job, which only starts afterwards
 * @throws UsageError if a file does not exist or no task is defined; whatever a module throws
 */
export async function loadTasks(files: readonly string[], onSlow: (file: string) => void): Promise<readonly AnyTask[]> {
  const paths = files.map((file) => resolve(file));
  const missing = paths.find((path) => !existsSync(path));
  if (missing !== undefined) throw new UsageError(`The file ${missing} was not found.`);
  const tasks: AnyTask[] = [];
  const stop = onTaskMade((task) => {
    tasks.push(task);
    // Otherwise it would start automatically, before modules that its jobs may need are loaded.
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
      `${files.join(", ")}: no task was defined with background(). If there is one, it uses another copy of rapidai: run the command line of the same project, npx rapidai.`,
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
      `${path} cannot be run as it is: ${message}. ${why}: compile it, or load it with tsx, NODE_OPTIONS="--import tsx".`,
    );
  }
}

/** Why Node.js cannot run a TypeScript file without compiling it; `null` if the error has another cause. */
function whyNotAsItIs(code: string | undefined, url: string | undefined): string | null {
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") return "Node.js only removes types";
  if (code !== "ERR_MODULE_NOT_FOUND" || url === undefined) return null;
  // The error has a url only if the missing module is a file.
  const source = fileURLToPath(url).replace(/(\.[cm]?)js$|$/, (_, ending = ".") => `${ending}ts`);
  return existsSync(source) ? `${source} exists, but Node.js loads only the exact file that an import names` : null;
}
