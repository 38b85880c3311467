import type { Patch } from "../../core/store.ts";

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
