import { createHash } from "node:crypto";

/** A Lua script that Redis runs as one atomic step. */
export interface Script {
  readonly text: string;
  /** What Redis knows it by. */
  readonly sha: string;
}

/** One script of its parts: what several need stands in parts of its own. */
export function script(...parts: readonly string[]): Script {
  const text = parts.map((part) => part.trim()).join("\n\n");
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}
