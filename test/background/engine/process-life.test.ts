import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const PROGRAM: string = fileURLToPath(new URL("./programs/life.ts", import.meta.url));

/** Runs the program until it ends, by itself or because a queue keeps it alive. */
async function run(way: string) {
  const program = spawn(process.execPath, [...process.execArgv, PROGRAM, way], {
    timeout: 60_000,
    killSignal: "SIGKILL",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [said, complained, [code, signal]] = await Promise.all([
    text(program.stdout),
    text(program.stderr),
    once(program, "exit"),
  ]);
  return { said: said.trim().split("\n"), complained, code, signal };
}

describe("a process with a queue in memory", () => {
  test.concurrent.each<[string, string, string[]]>([
    ["waits for a job and its retries, and then ends", "retries", ["end of program", "ran 3"]],
    ["waits for a delayed job, and then ends", "delayed", ["end of program", "ran 1"]],
    ["waits for a job whose enqueue nobody awaited", "left over", ["end of program", "ran 1"]],
    ["waits for the handler of a cancelled job, no longer than it takes", "cancelled", ["end of program"]],
    ["does not wait for a delayed job that was cancelled", "cancelled delayed", ["end of program"]],
    ["ends when its queue has nothing to do", "idle", ["end of program"]],
    ["ends when all is done", "finished", ["ran 1", "end of program"]],
    ["lives from start() until stop()", "started", ["end of program", "still here"]],
    ["lives while somebody waits for a job", "waits", ["end of program", "waited cancelled"]],
    ["does not wait for jobs that it only enqueues", "producer", ["end of program"]],
    ["does not wait for jobs of tasks that it does not have", "somebody else's", ["end of program"]],
    ["does not wait for a queue that was stopped", "stopped", ["end of program"]],
    ["does not wait for a queue that was closed", "closed", ["end of program"]],
    ["does not wait for a queue that was closed while it started", "closed at start", ["end of program"]],
  ])(
    "%s, with exit code 0 and no process-wide handler of the library",
    async (_, way, expected) => {
      const { said, complained, code, signal } = await run(way);
      expect({ said, complained, code, signal }).toEqual({
        said: [...expected, "handlers as before"],
        complained: "",
        code: 0,
        signal: null,
      });
    },
    90_000,
  );
});
