export type CheckStatus = "ok" | "warn" | "fail";

/** The result of one check. */
export interface Check {
  /** A stable word: `node`, `backend`, `claims`, `settings`, `clock`, `workers`, `versions`, `stuck`, `waiting`, `retries`, `failures`. */
  readonly name: string;
  readonly status: CheckStatus;
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string | null;
}

/** Most jobs, tasks or workers that a message names. */
export const MAX_NAMED = 3;

export function ok(name: string, message: string): Check {
  return { name, status: "ok", message, remedy: null };
}

export function warn(name: string, message: string, remedy: string): Check {
  return { name, status: "warn", message, remedy };
}

export function fail(name: string, message: string, remedy: string | null): Check {
  return { name, status: "fail", message, remedy };
}
