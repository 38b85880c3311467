import { JobError } from "./errors.ts";

const TASK_NAME = /^[A-Za-z0-9_.:-]{1,128}$/;
const JOB_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * Checks a task's name: 1 to 128 of `A-Z a-z 0-9 _ . : -`.
 *
 * @throws JobError `invalid_task_name`
 */
export function checkTaskName(name: unknown): string {
  if (typeof name === "string" && TASK_NAME.test(name)) return name;
  if (name === "" || name === undefined) {
    throw new JobError(
      "invalid_task_name",
      'The task has no name: set one with background({ name: "send-email" }, handler), or make the handler a named function.',
    );
  }
  const given = typeof name === "string" ? JSON.stringify(name.slice(0, 140)) : `a value of type ${typeof name}`;
  throw new JobError(
    "invalid_task_name",
    `A task's name cannot be ${given}: use 1 to 128 of the characters A-Z a-z 0-9 _ . : and -.`,
  );
}

/** Whether a value is a job's id: a UUIDv7 in lower case (RFC 9562, section 5.7). */
export function isJobId(value: unknown): value is string {
  return typeof value === "string" && value.length === 36 && JOB_ID.test(value);
}
