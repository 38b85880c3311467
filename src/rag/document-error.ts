import { PermanentError, permanentFault } from "../background/core/endings.ts";
import { JobError, type JobErrorCode } from "../background/core/errors.ts";
import { packageFault } from "../background/core/package-fault.ts";

/** Error codes for faults of a document itself, which no retry can mend. */
export type DocumentErrorCode = Exclude<Extract<JobErrorCode, `document_${string}`>, "document_unavailable">;

/** An error of a document itself. It is permanent and fails a job at once, since the same document would fail again. */
export function documentError(code: DocumentErrorCode, message: string, cause?: unknown): JobError {
  const permanent = new PermanentError("the same document would fail the same way", { cause });
  return new JobError(code, message, { cause: permanent });
}

/** An error for a reader's package that is not installed or cannot be loaded. */
export function missingPackage(what: string, packages: readonly string[], cause: unknown): JobError {
  return permanentFault("package_missing", packageFault(`Reading ${what}`, packages, cause), cause);
}
