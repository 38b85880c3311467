import { readPastAttempt } from "../../core/failure.ts";
import { parsed } from "../../core/parsed.ts";
import { readProgress } from "../../core/progress.ts";
import type { JobRecord, PastAttempt, Progress } from "../../core/store.ts";
import { readUsage } from "../../core/usage.ts";
import { STATUS_OF } from "./fields.ts";
import { textOf } from "./words.ts";

/** What the scripts' `show` returns: the lines of a record, and the job's other parts. */
export type RecordReply =
  | 0
  | readonly [
      head: string,
      plan: string,
      payload: string,
      completedAt: string | null,
      result: string | null,
      past: readonly string[],
      logs: readonly string[],
      notes: readonly string[],
    ];

export type Plan = Pick<JobRecord, "createdAt" | "maxRetries" | "runAt" | "attemptLimit" | "losses" | "trace">;
type Standing = Pick<
  JobRecord,
  "v" | "task" | "status" | "attempts" | "startedAt" | "attemptedAt" | "completedAt" | "worker"
>;

/** Parses a reply. Parts that were written by somebody else are read as far as possible. */
export function recordOf(reply: RecordReply, id: string): JobRecord | null {
  if (reply === 0) return null;
  const [head, plan, payload, completedAt, result, past, logs, list] = reply;
  const standing = standingOf(head, completedAt);
  if (standing === null) return null;
  const notes = new Map<string, string>();
  for (let at = 0; at < list.length; at += 2) notes.set(list[at] as string, list[at + 1] as string);
  return {
    id,
    payload,
    result,
    ...standing,
    ...planOf(plan),
    cancelledBy: notes.get("y") ?? null,
    progress: progressOf(notes.get("g")),
    usage: readUsage(parsed(notes.get("i"))),
    past: past.flatMap(pastAttemptOf),
    logs,
  };
}

/** Parses a record's first line, which is that of a running job if the job is completed. */
function standingOf(text: string, completedAt: string | null): Standing | null {
  const status = completedAt === null ? STATUS_OF[text[0] as string] : "completed";
  if (status === undefined) return null;
  if (text[0] === "n") {
    return { ...kindOf(text.slice(1)), status, ...attemptsOf("0 0 0"), completedAt: null, worker: null };
  }
  const [, endedAt, , , attempts, first, since, worker, ...kind] = text.split(" ");
  const started = attemptsOf(`${attempts} ${first} ${since}`);
  const isDone = status !== "pending" && status !== "running";
  return {
    ...kindOf(kind.join(" ")),
    status,
    ...started,
    completedAt: isDone ? numberOf(completedAt ?? endedAt) : null,
    worker: started.startedAt === null ? null : textOf(worker ?? ""),
  };
}

/** Parses a kind: task; or task, version and lane. */
export function kindOf(text: string): { readonly task: string; readonly v: number } {
  const end = text.indexOf(" ");
  if (end === -1) return { task: text, v: 1 };
  return { task: text.slice(0, end), v: Number.parseInt(text.slice(end + 1), 10) || 1 };
}

/** Parses a record's second line. */
export function planOf(text: string): Plan {
  const [rest = "", traced] = text.split(" t");
  const [createdAt, maxRetries, runAt, attemptLimit, losses] = rest.split(" ");
  const created = numberOf(createdAt) ?? 0;
  const retries = numberOf(maxRetries) ?? 0;
  return {
    createdAt: created,
    maxRetries: retries,
    runAt: numberOf(runAt) ?? created,
    attemptLimit: numberOf(attemptLimit) ?? retries + 1,
    losses: numberOf(losses) ?? 0,
    trace: traced === undefined ? null : textOf(traced),
  };
}

/** Parses the number of attempts, the first one's start, and how long after it the latest one started. */
export function attemptsOf(text: string): Pick<JobRecord, "attempts" | "startedAt" | "attemptedAt"> {
  const [attempts, startedAt, since] = text.split(" ");
  const first = numberOf(startedAt) || null;
  return {
    attempts: numberOf(attempts) ?? 0,
    startedAt: first,
    attemptedAt: first === null ? null : first + (numberOf(since) ?? 0),
  };
}

function numberOf(text: string | undefined): number | null {
  if (text === undefined || text === "") return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

function progressOf(text: string | undefined): Progress | null {
  const parts = parsed(text);
  if (!Array.isArray(parts)) return null;
  const [fraction, done, total, message] = parts;
  return readProgress({ fraction, done, total, message });
}

/** `attempt startedAt endedAt worker {failure}` */
function pastAttemptOf(text: string): PastAttempt | [] {
  const [, attempt, startedAt, endedAt, worker, rest] = /^(-?\d+) (-?\d+) (-?\d+) (\S*) (.*)$/s.exec(text) ?? [];
  const failure = parsed(rest);
  if (worker === undefined || failure === null) return [];
  return readPastAttempt({ ...failure, attempt, worker: textOf(worker), startedAt, endedAt }) ?? [];
}
