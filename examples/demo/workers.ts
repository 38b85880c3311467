import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const PROGRAM: string = fileURLToPath(new URL("./worker.ts", import.meta.url));

/** The worker process: one at a time, replaced when it is killed. */
export class Workers {
  readonly #args: readonly string[];
  #current: ChildProcess;

  constructor(url: string, folder: string) {
    this.#args = [url, folder];
    this.#current = fork(PROGRAM, this.#args);
  }

  /** Kills it without warning, as the kernel does when memory runs out, then starts another. */
  async killAndReplace(): Promise<void> {
    const ended = once(this.#current, "exit");
    this.#current.kill("SIGKILL");
    await ended;
    this.#current = fork(PROGRAM, this.#args);
  }

  async end(): Promise<void> {
    if (this.#current.exitCode !== null || this.#current.signalCode !== null) return;
    const ended = once(this.#current, "exit");
    if (this.#current.connected) this.#current.disconnect();
    await ended;
  }
}
