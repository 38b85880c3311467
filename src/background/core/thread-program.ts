import { permanentFault } from "./endings.ts";
import type { JobError } from "./errors.ts";
import { isMissing } from "./package-fault.ts";

export interface ThreadProgram {
  /** What takes a thread, as a sentence begins. */
  readonly what: string;
  /** The file, without its ending: that of a built one differs. */
  readonly name: string;
  /** The `import.meta.url` of the module that it is beside; a bundler that makes CommonJS of it leaves none. */
  readonly module: string | undefined;
  /**
   * The built file. Nothing here reads it: tools that copy the files that a program needs, as those of Nitro and Vercel, find it
   * in the code and take it along. It is no `new URL`, of which bundlers would make a file of their own.
   */
  readonly traced?: string;
  /** What else can be done where it is missing. */
  readonly or?: string;
}

const ENDING = /\.[cm]?[jt]s(?=$|[?#])/;

/**
 * Where the program of a thread is. A bundler takes the module elsewhere and leaves this file behind.
 *
 * @throws JobError `backend_unavailable`, permanent
 */
export function threadUrl(program: ThreadProgram, isThere: (file: URL) => boolean): URL {
  const { name, module } = program;
  const url = module && new URL(`${name}${ENDING.exec(module)?.[0] ?? ".js"}`, module);
  if (url && isThere(url)) return url;
  throw impossible(program, `its program ${url ? url.href : name} is not there`, UNBUNDLED);
}

/** Why a thread ended or could not be made: what its program imports may have been left behind, or threads be forbidden. */
export function threadFault(program: ThreadProgram, error: unknown): unknown {
  if (isMissing(error))
    return impossible(program, `it could not begin (${(error as Error).message})`, UNBUNDLED, error);
  const isForbidden = (error as NodeJS.ErrnoException | null)?.code === "ERR_ACCESS_DENIED";
  return isForbidden ? impossible(program, "Node.js was told to allow none", "add --allow-worker", error) : error;
}

const UNBUNDLED = "leave rapidai out of the bundle (external)";

function impossible({ what, or = "" }: ThreadProgram, why: string, remedy: string, cause?: unknown): JobError {
  return permanentFault("backend_unavailable", `${what} takes a thread, and ${why}: ${remedy}${or}.`, cause);
}
