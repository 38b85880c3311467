import type { JobRecord, PastAttempt, Progress, Usage } from "../../core/store.ts";
import { STATUS_OF } from "./fields.ts";

/** What the `show` of scripts answers: fields, past attempts, log lines, payload and result where they lie apart. */
export type RecordReply =
  | 0
  | readonly [
      fields: readonly string[],
      past: readonly string[],
      logs: readonly string[],
      payload: string,
      result: string | null,
    ];

type Fields = Readonly<Record<string, string>>;

/** The record of a reply; what somebody else wrote there is read as far as it can be. */
export function recordOf(reply: RecordReply, id: string): JobRecord | null {
  if (reply === 0) return null;
  const [list, past, logs, payload, result] = reply;
  const fields: Record<string, string> = Object.create(null);
  for (let at = 0; at < list.length; at += 2) fields[list[at] as string] = list[at + 1] as string;
  const status = STATUS_OF[fields.s?.[0] as string];
  if (status === undefined || fields.k === undefined) return null;
  const { task, v } = placeOf(fields.k);
  const plan = planOf(fields.c ?? "");
  const attempts = attemptsOf(fields.a);
  const isDone = status !== "pending" && status !== "running";
  return {
    v,
    id,
    task,
    status,
    payload,
    result: status === "completed" ? (fields.o ?? result) : null,
    ...plan,
    ...attempts,
    completedAt: isDone ? numberOf(fields.d) : null,
    worker: fields.w ?? null,
    cancelledBy: fields.y ?? null,
    progress: progressOf(fields),
    usage: parsed<Usage>(fields.i),
    trace: fields.t ?? null,
    past: past.flatMap(pastAttemptOf),
    logs,
  };
}

/** Reads the field `k`. */
export function placeOf(text: string): { readonly task: string; readonly v: number } {
  const end = text.indexOf(" ");
  if (end === -1) return { task: text, v: 1 };
  return { task: text.slice(0, end), v: Number.parseInt(text.slice(end + 1), 10) || 1 };
}

/** Reads the field `c`. */
export function planOf(
  text: string,
): Pick<JobRecord, "createdAt" | "maxRetries" | "runAt" | "attemptLimit" | "losses"> {
  const [createdAt, maxRetries, runAt, attemptLimit, losses] = text.split(" ");
  const created = numberOf(createdAt) ?? 0;
  const retries = numberOf(maxRetries) ?? 0;
  return {
    createdAt: created,
    maxRetries: retries,
    runAt: numberOf(runAt) ?? created,
    attemptLimit: numberOf(attemptLimit) ?? retries + 1,
    losses: numberOf(losses) ?? 0,
  };
}

/** Reads the field `a`. */
export function attemptsOf(text: string | undefined): Pick<JobRecord, "attempts" | "startedAt" | "attemptedAt"> {
  if (text === undefined) return { attempts: 0, startedAt: null, attemptedAt: null };
  const [attempts, startedAt, since] = text.split(" ");
  const first = numberOf(startedAt);
  return {
    attempts: numberOf(attempts) ?? 0,
    startedAt: first,
    attemptedAt: first === null ? null : first + (numberOf(since) ?? 0),
  };
}

function numberOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

function progressOf({ g }: Fields): Progress | null {
  const parts = parsed<[number | null, number | null, number | null, string | null]>(g);
  if (!Array.isArray(parts)) return null;
  const [fraction = null, done = null, total = null, message = null] = parts;
  return { fraction, done, total, message };
}

/** `attempt startedAt endedAt length worker{failure}`, the length in bytes. */
function pastAttemptOf(text: string): PastAttempt[] {
  const [, attempt, startedAt, endedAt, length] = /^(-?\d+) (-?\d+) (-?\d+) (\d+) /.exec(text) ?? [];
  if (length === undefined) return [];
  const rest = Buffer.from(text.slice(`${attempt} ${startedAt} ${endedAt} ${length} `.length));
  const worker = rest.subarray(0, Number(length)).toString();
  const failure = parsed<Pick<PastAttempt, "name" | "message" | "stack">>(rest.subarray(Number(length)).toString());
  if (failure === null) return [];
  const { name, message, stack } = failure;
  return [
    {
      name: String(name),
      message: String(message),
      stack: stack ?? null,
      attempt: Number(attempt),
      worker,
      startedAt: Number(startedAt),
      endedAt: Number(endedAt),
    },
  ];
}

function parsed<T>(text: string | undefined): T | null {
  if (text === undefined) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
