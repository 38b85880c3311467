import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { pid } from "node:process";

/** The id of a worker, and a token for each of its claims: unique across all workers and times. */
export class Tokens {
  /** Readable, to find the process: host, process id, and a random part that makes it unique. */
  readonly worker: string = `${hostname().slice(0, 64)}:${pid}:${randomBytes(8).toString("hex")}`;
  // Short, since each running job stores it. Two of 2^36 workers are likely to share one, and then must claim the same job.
  readonly #prefix = randomBytes(9).toString("base64url");
  #claims = 0;

  next(): string {
    this.#claims++;
    return `${this.#prefix}.${this.#claims.toString(36)}`;
  }
}
