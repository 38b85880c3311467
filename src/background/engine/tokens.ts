import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { pid } from "node:process";

/** Names a worker, and each of its claims: no two claims of any workers, at any time, share a token. */
export class Tokens {
  /** Readable for whoever looks for the process: host, process id, and a random part that makes it unique. */
  readonly worker: string = `${hostname().slice(0, 64)}:${pid}:${randomBytes(8).toString("hex")}`;
  // Short, since each running job has it. Two are alike once among 2^36 workers, and then would have to be after one job.
  readonly #prefix = randomBytes(9).toString("base64url");
  #claims = 0;

  next(): string {
    this.#claims++;
    return `${this.#prefix}.${this.#claims.toString(36)}`;
  }
}
