import type { Patch } from "../../core/store.ts";
import { wordOf } from "./words.ts";

/** Appends what an attempt reported to a script's arguments, and returns the flags for it. */
export function reportArguments(args: string[], patch: Patch): string {
  let flags = "";
  if (patch.progress !== null) {
    const { fraction, done, total, message } = patch.progress;
    flags += "g";
    args.push(JSON.stringify([fraction, done, total, message]));
  }
  if (patch.usage !== null) {
    flags += "i";
    args.push(JSON.stringify(patch.usage));
  }
  if (patch.logs.length > 0) {
    flags += "n";
    args.push(String(patch.logs.length), ...patch.logs);
  }
  return flags;
}

/** Numbers the distinct tokens of a batch, since many attempts share one. */
export class TokenNumbers {
  readonly #numbers = new Map<string, string>();
  #last: string | undefined;
  #lastNumber = "";

  of(token: string): string {
    if (token === this.#last) return this.#lastNumber;
    let number = this.#numbers.get(token);
    if (number === undefined) {
      number = String(this.#numbers.size + 1);
      this.#numbers.set(token, number);
    }
    this.#last = token;
    this.#lastNumber = number;
    return number;
  }

  /** Their number, then each token. */
  get list(): string[] {
    return [String(this.#numbers.size), ...Array.from(this.#numbers.keys(), wordOf)];
  }
}

/** Run-length encodes the arguments of many attempts: consecutive ones with the same token and flags share a header. */
export class Runs {
  readonly #list: string[] = [];
  #countAt = 0;
  #count = 0;
  #token: string | undefined;
  #flags = "";

  add(token: string, flags: string, called: readonly string[]): void {
    if (token !== this.#token || flags !== this.#flags) {
      this.#finish();
      this.#countAt = this.#list.push("", token, flags) - 3;
      this.#count = 0;
      this.#token = token;
      this.#flags = flags;
    }
    this.#count++;
    for (const argument of called) this.#list.push(argument);
  }

  get list(): readonly string[] {
    this.#finish();
    return this.#list;
  }

  /** Writes the length of the current run into its header. */
  #finish(): void {
    if (this.#count > 0) this.#list[this.#countAt] = String(this.#count);
  }
}
