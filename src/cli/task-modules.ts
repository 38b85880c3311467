import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
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
    const { code, message, stack } = error as NodeJS.ErrnoException;
    if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") {
      throw new UsageError(
        `${path} cannot be run as it is: ${message}. Node.js takes types out and nothing else; compile it, or load it with tsx: NODE_OPTIONS="--import tsx".`,
      );
    }
    throw new Error(`${path} could not be loaded: ${stack ?? String(error)}`, { cause: error });
  }
}
