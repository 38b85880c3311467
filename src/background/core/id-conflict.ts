import { JobError } from "./errors.ts";
import type { NewJob } from "./store.ts";

/** The error of an `enqueue` whose id belongs to another task's job. */
export function idConflict({ id, task }: Pick<NewJob, "id" | "task">): JobError {
  return new JobError(
    "id_conflict",
    `Job ${id} already exists and belongs to a task other than '${task}': use a new id from newJobId().`,
    { jobId: id, task },
  );
}
