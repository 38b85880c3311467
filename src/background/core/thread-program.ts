import { permanentFault } from "./endings.ts";
import type { JobError } from "./errors.ts";
import { isMissing } from "./package-fault.ts";

export interface ThreadProgram {
  /** What runs on a thread, as the beginning of a sentence. */
  readonly what: string;
  /** The file without its extension, which differs once it is built. */
  readonly name: string;
  /** The `import.meta.url` of a module in the same folder; missing once a bundler has made CommonJS of that. */
  readonly module: string | undefined;
  /**
   * The built file. Unused here: tools that copy the files a program needs, such as those of Nitro and Vercel, find it in
   * the code. Not a `new URL`, which bundlers would turn into a file of their own.
   */
  readonly traced?: string;
  /** Another remedy, added to the message. */
  readonly or?: string;
}

const ENDING = /\.[cm]?[jt]s(?=$|[?#])/;

/**
 * The URL of a thread's program, which is missing where a bundler moved the module and left that file behind.
 *
 * @throws JobError `backend_unavailable`, permanent
 */
export function threadUrl(program: ThreadProgram, isThere: (file: URL) => boolean): URL {
  const { name, module } = program;
  const url = module && new URL(`${name}${ENDING.exec(module)?.[0] ?? ".js"}`, module);
  if (url && isThere(url)) return url;
  throw impossible(program, `its program ${url ? url.href : name} was not found`, UNBUNDLED);
}

/** The error to report when a thread fails: its imports may be missing from a bundle, or threads be forbidden. */
export function threadFault(program: ThreadProgram, error: unknown): unknown {
  if (isMissing(error))
    return impossible(program, `it could not start (${(error as Error).message})`, UNBUNDLED, error);
  const isForbidden = (error as NodeJS.ErrnoException | null)?.code === "ERR_ACCESS_DENIED";
  return isForbidden ? impossible(program, "Node.js's permissions forbid it", "add --allow-worker", error) : error;
}

const UNBUNDLED = "leave rapidai out of the bundle (external)";

function impossible({ what, or = "" }: ThreadProgram, why: string, remedy: string, cause?: unknown): JobError {
  return permanentFault("backend_unavailable", `${what} needs a thread, but ${why}: ${remedy}${or}.`, cause);
}
