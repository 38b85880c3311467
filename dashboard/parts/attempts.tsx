import type { FullJob } from "../api.ts";
import { useNow } from "../clock.ts";
import { duration, plural, stamp, visible } from "../format.ts";
import { StatusIcon } from "./icons.tsx";
import { LongText } from "./long-text.tsx";
import { Scroll } from "./scroll.tsx";

type Attempt = FullJob["history"][number];

interface Stretch {
  readonly kind: "waiting" | Attempt["status"];
  readonly ms: number;
  readonly title: string;
}

/** A job's attempts, oldest first, below a bar that shows how long they and the waits between them took. */
export function Attempts({ job }: { readonly job: FullJob }) {
  const now = useNow();
  const stretches = stretchesOf(job, now);
  const forgotten = job.attempts - job.history.length;
  return (
    <>
      <div class="track" role="img" aria-label={stretches.map(({ title }) => title).join(", ")}>
        {stretches.map(({ kind, ms, title }, index) => (
          <span key={index} class={`stretch is-${kind}`} style={{ flexGrow: Math.max(ms, 1) }} title={title} />
        ))}
      </div>
      {forgotten > 0 && <p class="muted">{plural(forgotten, "earlier attempt")} not kept.</p>}
      <ol class="attempts">
        {job.history.map((attempt, index) => (
          <Entry
            key={attempt.attempt}
            attempt={attempt}
            isOpen={index === job.history.length - 1 && job.status === "failed"}
            now={now}
          />
        ))}
        {job.status === "pending" && <Next job={job} now={now} />}
      </ol>
    </>
  );
}

function Entry({
  attempt,
  isOpen,
  now,
}: {
  readonly attempt: Attempt;
  readonly isOpen: boolean;
  readonly now: number;
}) {
  const { status, worker, startedAt, endedAt, error } = attempt;
  const tookMs =
    endedAt === null ? (status === "running" ? now - Date.parse(startedAt) : null) : spanOf(startedAt, endedAt);
  return (
    <li class={`attempt is-${status}`}>
      <StatusIcon status={status} />
      <div class="attempt-head">
        <b>Attempt {attempt.attempt}</b>
        <span>
          {status}
          {tookMs !== null && ` ${status === "running" ? "for" : "after"} ${duration(Math.max(0, tookMs))}`}
        </span>
        <span class="muted">
          {stamp(Date.parse(startedAt))}
          {worker !== null && (
            <>
              {" on "}
              <code class="id">{visible(worker)}</code>
            </>
          )}
        </span>
      </div>
      {error !== null && (
        <div class="attempt-error">
          <p>
            <b>{visible(error.name)}</b> <LongText text={error.message} />
          </p>
          {error.stack !== null && (
            <details open={isOpen}>
              <summary>Stack</summary>
              <Scroll label={`Stack of attempt ${attempt.attempt}`} class="code">
                <pre>{visible(error.stack)}</pre>
              </Scroll>
            </details>
          )}
        </div>
      )}
    </li>
  );
}

function Next({ job, now }: { readonly job: FullJob; readonly now: number }) {
  const leftMs = Date.parse(job.runAt) - now;
  return (
    <li class="attempt is-pending">
      <StatusIcon status="pending" />
      <div class="attempt-head">
        <b>Attempt {job.attempts + 1}</b>
        <span>{leftMs > 0 ? `in ${duration(Math.ceil(leftMs / 1_000) * 1_000)}` : "as soon as a worker is free"}</span>
      </div>
    </li>
  );
}

function stretchesOf(job: FullJob, now: number): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let at = Date.parse(job.createdAt);
  const wait = (until: number) => {
    const ms = until - at;
    if (ms > 0) stretches.push({ kind: "waiting", ms, title: `waiting ${duration(ms)}` });
  };
  for (const { attempt, status, startedAt, endedAt } of job.history) {
    const start = Date.parse(startedAt);
    wait(start);
    const end = endedAt === null ? (status === "running" ? now : start) : Date.parse(endedAt);
    const ms = Math.max(0, end - start);
    stretches.push({ kind: status, ms, title: `attempt ${attempt} ${status} ${duration(ms)}` });
    at = Math.max(at, end);
  }
  if (job.status === "pending") wait(now);
  return stretches;
}

const spanOf = (from: string, to: string): number => Date.parse(to) - Date.parse(from);
