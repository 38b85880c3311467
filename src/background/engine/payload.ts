import type { StandardSchemaV1 } from "@standard-schema/spec";
import { JobError } from "../core/errors.ts";
import { truncate } from "../core/text.ts";

/** Issues that an error names; a payload may have thousands. */
const MAX_ISSUES = 5;

/**
 * What a schema makes of a payload.
 *
 * @throws JobError `invalid_payload` with what the schema says; whatever the schema itself throws
 */
export async function checkPayload(
  schema: StandardSchemaV1,
  payload: unknown,
  task: string,
  jobId: string | undefined,
): Promise<unknown> {
  const checked = await schema["~standard"].validate(payload);
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
