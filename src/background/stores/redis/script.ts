import { createHash } from "node:crypto";

/** A Lua script that Redis runs as one atomic step. */
export interface Script {
  readonly text: string;
  /** Its SHA-1, by which Redis caches it. */
  readonly sha: string;
}

/** Joins parts into a script; what several scripts need is a part of its own. */
export function script(...parts: readonly string[]): Script {
  const text = parts.map((part) => part.trim()).join("\n\n");
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}
