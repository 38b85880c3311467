import { JobError } from "../../background/core/errors.ts";

/** What SQLite's primary result codes, https://sqlite.org/rescode.html, mean for the operator. */
const SENTENCES: Readonly<Record<number, string>> = {
  5: "was locked by another program for too long: check whether one keeps a transaction open.",
  6: "was locked by another program for too long: check whether one keeps a transaction open.",
  8: "cannot be written: check the permissions of the file and of its folder.",
  11: "is damaged: delete it and add the documents again, or restore it from a backup.",
  13: "is on a disk that is full: free some space; what was stored is not lost.",
  14: "cannot be opened: check that its folder exists and is writable.",
  26: "is not an SQLite database, and was left unchanged: use another file for the vectors.",
};

/** Translates an error of SQLite. */
export function faultOf(error: unknown, path: string): JobError {
  if (error instanceof JobError) return error;
  const code = (error as { errcode?: unknown } | null)?.errcode;
  const known = typeof code === "number" ? SENTENCES[code & 0xff] : undefined;
  const what = known ?? `cannot be used: ${error instanceof Error ? error.message : String(error)}.`;
  return new JobError("vectors_unavailable", `The vector file ${path} ${what}`, { cause: error });
}

/** An error for file content that this library cannot have written. */
export function damaged(path: string, what: string): JobError {
  return new JobError(
    "vectors_unavailable",
    `The vector file ${path} is damaged (${what}): delete it and add the documents again.`,
  );
}
