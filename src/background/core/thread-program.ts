import { PermanentError } from "./endings.ts";
import { JobError } from "./errors.ts";
import { isMissing } from "./package-fault.ts";

export interface ThreadProgram {
  /** What takes a thread, as a sentence begins. */
  readonly what: string;
  /** The file, without its ending: that of a built one differs. */
  readonly name: string;
  /** The `import.meta.url` of the module that it is beside; a bundler that makes CommonJS of it leaves none. */
  readonly module: string | undefined;
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
  throw incomplete(program, `its program ${url ? url.href : name} is not there`);
}

/** Why a thread ended: also what its program imports may have been left behind. */
export function threadFault(program: ThreadProgram, error: unknown): unknown {
  return isMissing(error) ? incomplete(program, `it could not begin (${(error as Error).message})`, error) : error;
}

function incomplete({ what, or = "" }: ThreadProgram, why: string, cause?: unknown): JobError {
  const message = `${what} takes a thread, and ${why}: leave rapidai out of the bundle (external)${or}.`;
  return new JobError("backend_unavailable", message, { cause: new PermanentError(message, { cause }) });
}
