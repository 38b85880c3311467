import { shortenAll } from "./short-id.ts";
import { wordOf } from "./words.ts";

/**
 * A script's arguments for many attempts: the number of their tokens, and each; their ids concatenated; then for each run of
 * attempts with the same token and flags its length, the number of the token and the flags, followed by what the flags call for.
 */
export class AttemptArguments {
  readonly #ids: string[] = [];
  readonly #numbers = new Map<string, string>();
  readonly #runs: string[] = [];
  #token: string | undefined;
  #flags = "";
  /** The length of the current run, and where it is written. */
  #length = 0;
  #lengthAt = 0;

  add(id: string, token: string, flags: string, called: readonly string[]): void {
    this.#ids.push(id);
    if (token !== this.#token || flags !== this.#flags) this.#begin(token, flags);
    this.#runs[this.#lengthAt] = String(++this.#length);
    for (const argument of called) this.#runs.push(argument);
  }

  get list(): string[] {
    const tokens = Array.from(this.#numbers.keys(), wordOf);
    return [String(tokens.length), ...tokens, shortenAll(this.#ids)].concat(this.#runs);
  }

  #begin(token: string, flags: string): void {
    const number = this.#numbers.get(token) ?? String(this.#numbers.size + 1);
    this.#numbers.set(token, number);
    this.#lengthAt = this.#runs.push("", number, flags) - 3;
    this.#length = 0;
    this.#token = token;
    this.#flags = flags;
  }
}
