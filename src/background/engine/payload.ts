import type { StandardSchemaV1 } from "@standard-schema/spec";
import { JobError } from "../core/errors.ts";
import { truncate } from "../core/text.ts";

/** Most issues that an error lists; a payload may have thousands. */
const MAX_ISSUES = 5;

/**
 * Validates a payload and resolves with the schema's output.
 *
 * @throws JobError `invalid_payload` with the schema's issues; whatever the schema itself throws
 */
export async function checkPayload(
  schema: StandardSchemaV1,
  payload: unknown,
  task: string,
  jobId: string | undefined,
): Promise<unknown> {
  return outputOf(await schema["~standard"].validate(payload), task, jobId);
}

/** The same synchronously. An asynchronous schema is an `invalid_option`. */
export function checkPayloadNow(
  schema: StandardSchemaV1,
  payload: unknown,
  task: string,
  jobId: string | undefined,
): unknown {
  const checked = schema["~standard"].validate(payload);
  if (!(checked instanceof Promise)) return outputOf(checked, task, jobId);
  // Nothing awaits it, and its rejection must not end the process.
  checked.catch(() => {});
  throw new JobError(
    "invalid_option",
    `The schema of task '${task}' returned a promise, and a transaction cannot wait for one: use a schema without asynchronous checks, or enqueue().`,
    { task, jobId },
  );
}

function outputOf(checked: StandardSchemaV1.Result<unknown>, task: string, jobId: string | undefined): unknown {
  if (checked.issues === undefined) return checked.value;
  const issues = checked.issues.slice(0, MAX_ISSUES).map(describe);
  const more = checked.issues.length - issues.length;
  if (more > 0) issues.push(`and ${more} more`);
  throw new JobError(
    "invalid_payload",
    `The payload of ${jobId === undefined ? "a job" : `job ${jobId}`} of task '${task}' does not fit its schema: ${issues.join("; ")}.`,
    { task, jobId },
  );
}

function describe({ message, path = [] }: StandardSchemaV1.Issue): string {
  const where = path.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
  return truncate(where === "" ? message : `${where}: ${message}`, 512);
}
