import type { Patch } from "../../core/store.ts";

/** Appends what an attempt reported to a script's arguments, and returns the flags that tell of it. */
export function reportArguments(args: string[], patch: Patch | null): string {
  if (patch === null) return "";
  let flags = "";
  if (patch.progress !== null) {
    const { fraction, done, total, message } = patch.progress;
    flags += "g";
    // Without names, it seldom is too long for the compact form of a hash.
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

/** Numbers the different tokens of a batch: many attempts share one. */
export class TokenNumbers {
  readonly #numbers = new Map<string, string>();

  of(token: string): string {
    let number = this.#numbers.get(token);
    if (number === undefined) {
      number = String(this.#numbers.size + 1);
      this.#numbers.set(token, number);
    }
    return number;
  }

  /** How many there are, then each. */
  get list(): string[] {
    return [String(this.#numbers.size), ...this.#numbers.keys()];
  }
}
