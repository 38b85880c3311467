import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ACTIONS, type Action, ALL_ACTIONS, isPossible } from "../actions.ts";
import type { FullJob } from "../api.ts";
import { useNow } from "../clock.ts";
import { dollars, duration, plural, visible } from "../format.ts";
import { useFullJob } from "../full-job.ts";
import { useShortcuts } from "../keys.ts";
import { Attempts } from "../parts/attempts.tsx";
import { ConfirmBulk } from "../parts/bulk.tsx";
import { CopyButton } from "../parts/copy.tsx";
import { Explained, useExplanation } from "../parts/explained.tsx";
import { Icon } from "../parts/icons.tsx";
import { Logs } from "../parts/logs.tsx";
import { Empty, Failure, Loading, Warning, warningOf } from "../parts/notice.tsx";
import { ProgressBar } from "../parts/progress.tsx";
import { StatusBadge } from "../parts/status.tsx";
import { Value } from "../parts/value.tsx";
import { Instant } from "../parts/when.tsx";
import { Link, navigate, pathTo } from "../router.tsx";
import { IS_READ_ONLY } from "../settings.ts";
import { latestJobs } from "./jobs.tsx";

/** The details of a job. */
export function JobScreen({ jobId }: { readonly jobId: string }) {
  const job = useFullJob(jobId);
  useShortcuts([{ keys: "u", does: "Back to the jobs", run: () => navigate(latestJobs()) }]);
  const isGone = job.error?.status === 404;
  if (isGone && job.data === undefined) {
    return (
      <div class="card">
        <h1 class="visually-hidden">Job</h1>
        <Empty title="There is no such job.">
          <p>
            <code class="id">{visible(jobId)}</code> is not kept, or not any more.
          </p>
          <Link to="jobs">To the jobs</Link>
        </Empty>
      </div>
    );
  }
  if (job.data === undefined) {
    return (
      <div class="card">
        <h1 class="visually-hidden">Job</h1>
        {job.error === undefined ? <Loading rows={10} /> : <Failure error={job.error} retry={job.refresh} />}
      </div>
    );
  }
  return (
    <>
      {isGone && <Warning>The job is not kept any more. This is what was last seen of it.</Warning>}
      {!isGone && job.error !== undefined && job.error.status !== 0 && <Warning>{warningOf(job.error)}</Warning>}
      <JobView job={job.data} isGone={isGone} refresh={job.refresh} />
    </>
  );
}

interface JobViewProps {
  readonly job: FullJob;
  /** Whether the job was removed, so that no action is possible. */
  readonly isGone: boolean;
  readonly refresh: () => void;
}

function JobView({ job, isGone, refresh }: JobViewProps) {
  const { jobId, task, status, payload, logs, history, error } = job;
  return (
    <>
      <div class="job-head">
        <div class="job-title">
          <h1>
            <Link to={pathTo("jobs", { task })}>{visible(task)}</Link>
          </h1>
          <StatusBadge status={status} />
          <span class="job-id">
            <code class="id">{visible(jobId)}</code>
            <CopyButton text={jobId} what="the job's id" />
          </span>
        </div>
        {!IS_READ_ONLY && !isGone && <Actions job={job} refresh={refresh} />}
      </div>
      {status === "running" && job.progress !== null && (
        <div class="card is-slim">
          <ProgressBar job={job} isWide />
        </div>
      )}
      <div class="columns is-job">
        <div class="stack">
          {status === "pending" && !isGone && <WhyCard jobId={jobId} />}
          <section class="card" aria-labelledby="attempts-title">
            <h2 id="attempts-title">Attempts</h2>
            {history.length === 0 ? <Empty title="It has not been started yet." /> : <Attempts job={job} />}
          </section>
          {status === "completed" && (
            <section class="card" aria-labelledby="result-title">
              <h2 id="result-title">Result</h2>
              {error === null ? (
                <Value value={job.result ?? null} what="the result" />
              ) : (
                <p class="is-failed">{visible(error)}</p>
              )}
            </section>
          )}
          <section class="card" aria-labelledby="payload-title">
            <h2 id="payload-title">Payload</h2>
            <Value value={payload} what="the payload" />
          </section>
          <section class="card" aria-labelledby="logs-title">
            <h2 id="logs-title">Log {logs.length > 0 && <span class="muted">{plural(logs.length, "line")}</span>}</h2>
            {logs.length === 0 ? <Empty title="It has logged nothing." /> : <Logs lines={logs} />}
          </section>
        </div>
        <aside class="card" aria-labelledby="facts-title">
          <h2 id="facts-title">Facts</h2>
          <Facts job={job} />
        </aside>
      </div>
    </>
  );
}

function Actions({ job, refresh }: { readonly job: FullJob; readonly refresh: () => void }) {
  const [asking, setAsking] = useState<Action | undefined>();
  const possible = ALL_ACTIONS.filter((action) => isPossible(action, job));
  useShortcuts(
    possible.map((action) => {
      const { key, verb } = ACTIONS[action];
      return { keys: key, does: `${verb} the job`, run: () => setAsking(action) };
    }),
  );
  return (
    <div class="job-actions">
      {possible.map((action) => (
        <button
          key={action}
          type="button"
          class={action === "retry" ? "is-primary" : ""}
          onClick={() => setAsking(action)}
        >
          <Icon name={action} /> {ACTIONS[action].verb}
        </button>
      ))}
      {asking !== undefined && (
        <ConfirmBulk
          request={{ action: asking, jobs: [job] }}
          close={() => {
            setAsking(undefined);
            refresh();
          }}
        />
      )}
    </div>
  );
}

function WhyCard({ jobId }: { readonly jobId: string }) {
  return (
    <section class="card is-why" aria-labelledby="why-title">
      <h2 id="why-title">Why is it not running?</h2>
      <Explained explanation={useExplanation(jobId)} />
    </section>
  );
}

function Facts({ job }: { readonly job: FullJob }) {
  const { usage, worker, cancelledBy, losses, attempts, attemptLimit } = job;
  const tookMs = job.duration === null ? null : job.duration * 1_000;
  return (
    <dl class="facts">
      <Fact name="Created">
        <Instant at={job.createdAt} />
      </Fact>
      {job.status === "pending" && (
        <Fact name="Due">
          <Instant at={job.runAt} />
        </Fact>
      )}
      <Fact name="Started">
        <Instant at={job.startedAt} />
      </Fact>
      {job.attemptedAt !== null && attempts > 1 && (
        <Fact name="Last attempt">
          <Instant at={job.attemptedAt} />
        </Fact>
      )}
      {job.status === "running" ? (
        <Fact name="Done, likely">
          <LikelyEnd at={job.estimatedCompletion} />
        </Fact>
      ) : (
        <Fact name={job.status === "cancelled" ? "Cancelled" : job.status === "failed" ? "Failed" : "Completed"}>
          <Instant at={job.completedAt} />
        </Fact>
      )}
      {tookMs !== null && <Fact name="Duration">{duration(tookMs)}</Fact>}
      <Fact name="Attempts">
        {attempts} <span class="muted">of at most {attemptLimit}</span>
      </Fact>
      {losses > 0 && <Fact name="Workers lost">{losses}</Fact>}
      {worker !== null && (
        <Fact name="Worker">
          <code class="id">{visible(worker)}</code>
        </Fact>
      )}
      {cancelledBy !== null && <Fact name="Cancelled by">{visible(cancelledBy)}</Fact>}
      {usage !== null && (
        <>
          <Fact name="Tokens in">{usage.inputTokens.toLocaleString("en")}</Fact>
          <Fact name="Tokens out">{usage.outputTokens.toLocaleString("en")}</Fact>
          <Fact name="Cost">
            {usage.cost === null ? <span class="muted">price unknown</span> : dollars(usage.cost)}
          </Fact>
        </>
      )}
    </dl>
  );
}

/** Once a job has taken as long as its task usually takes, the estimate is the present, also for one that hangs. */
function LikelyEnd({ at }: { readonly at: string | null }) {
  const now = useNow();
  if (at !== null && Date.parse(at) - now < 1_000) return <>any moment, unless it takes longer than usual</>;
  return <Instant at={at} />;
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
