import { PermanentError, permanentFault } from "../background/core/endings.ts";
import { JobError, type JobErrorCode } from "../background/core/errors.ts";
import { packageFault } from "../background/core/package-fault.ts";

/** What can be wrong with a document, of the codes there are. */
export type DocumentErrorCode = Exclude<Extract<JobErrorCode, `document_${string}`>, "document_unavailable">;

/** An error that no further attempt can help, for the same document would fail the same way: it ends a job at once. */
export function documentError(code: DocumentErrorCode, message: string, cause?: unknown): JobError {
  const permanent = new PermanentError("the same document would fail the same way", { cause });
  return new JobError(code, message, { cause: permanent });
}

/** For a reader whose package is not installed, or cannot be loaded. */
export function missingPackage(what: string, packages: readonly string[], cause: unknown): JobError {
  return permanentFault("package_missing", packageFault(`Reading ${what}`, packages, cause), cause);
}
