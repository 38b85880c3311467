// Tasks for a worker of the command line; types and all, as Node.js runs it.
import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { background, type Job, PermanentError, type Task } from "rapidai/background";

export const echo: Task<string, string> = background({ name: "echo" }, async (text: string) => text);

background({ name: "refuses" }, async (text: string) => {
  throw new PermanentError(text);
});

/** Goes on until a file is there, or the job is to end. */
background({ name: "until" }, async (file: string, job: Job) => {
  for (let done = 0; !existsSync(file); done = Math.min(done + 1, 9)) {
    job.progress({ done, total: 10, message: "looking" });
    await pause(20, undefined, { signal: job.signal });
  }
  return "there";
});
