import { ACTIONS, type Action, ALL_ACTIONS, isPossible } from "../actions.ts";
import type { Job } from "../api.ts";
import { useNow } from "../clock.ts";
import { coarse, duration, shortId, visible } from "../format.ts";
import { jobPath, Link } from "../router.tsx";
import { IS_READ_ONLY } from "../settings.ts";
import { Icon } from "./icons.tsx";
import { ProgressBar } from "./progress.tsx";
import { StatusBadge } from "./status.tsx";
import { When } from "./when.tsx";

interface Props {
  readonly jobs: readonly Job[];
  readonly selected: ReadonlyMap<string, Job>;
  select(jobs: readonly Job[]): void;
  deselect(jobs: readonly Job[]): void;
  ask(action: Action, jobs: readonly Job[]): void;
}

export function JobTable({ jobs, selected, select, deselect, ask }: Props) {
  const areAllSelected = jobs.every(({ jobId }) => selected.has(jobId));
  return (
    <table class="jobs">
      <thead>
        <tr>
          {!IS_READ_ONLY && (
            <th scope="col" class="cell-check">
              <input
                type="checkbox"
                aria-label="Select all of this page"
                checked={areAllSelected}
                onChange={() => (areAllSelected ? deselect : select)(jobs)}
              />
            </th>
          )}
          <th scope="col" class="cell-status">
            Status
          </th>
          <th scope="col" class="cell-job">
            Job
          </th>
          <th scope="col" class="cell-detail">
            Details
          </th>
          <th scope="col" class="number cell-attempts">
            Attempts
          </th>
          <th scope="col" class="number cell-duration">
            Duration
          </th>
          <th scope="col" class="number">
            Created
          </th>
          {!IS_READ_ONLY && (
            <th scope="col" class="cell-action">
              <span class="visually-hidden">Actions</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <Row
            key={job.jobId}
            job={job}
            isSelected={selected.has(job.jobId)}
            select={select}
            deselect={deselect}
            ask={ask}
          />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps extends Pick<Props, "select" | "deselect" | "ask"> {
  readonly job: Job;
  readonly isSelected: boolean;
}

function Row({ job, isSelected, select, deselect, ask }: RowProps) {
  const { jobId, task, status, attempts, createdAt } = job;
  const most = mostAttempts(job);
  return (
    <tr class={isSelected ? "job-row is-selected" : "job-row"} data-job={jobId}>
      {!IS_READ_ONLY && (
        <td class="cell-check">
          <input
            type="checkbox"
            aria-label={`Select job ${jobId}`}
            checked={isSelected}
            onChange={() => (isSelected ? deselect : select)([job])}
          />
        </td>
      )}
      <td class="cell-status">
        <StatusBadge status={status} />
      </td>
      <td class="cell-job">
        <Link to={jobPath(jobId)} class="task" title={jobId}>
          {visible(task)} <code class="id">{shortId(jobId)}</code>
        </Link>
      </td>
      <td class="cell-detail">
        <Detail job={job} />
      </td>
      <td
        class="number cell-attempts"
        title={most === null ? "Retried by hand" : `Attempt ${attempts} of at most ${most}`}
      >
        {attempts}
        {most !== null && <span class="muted">/{most}</span>}
      </td>
      <td class="number cell-duration">
        <Took job={job} />
      </td>
      <td class="number cell-created">
        <When at={createdAt} />
      </td>
      {!IS_READ_ONLY && (
        <td class="cell-action">
          <ActionButton job={job} ask={ask} />
        </td>
      )}
    </tr>
  );
}

/** The most attempts that a job may have; `null` if it has had more, since each retry by hand adds a new budget. */
function mostAttempts({ attempts, maxRetries }: Job): number | null {
  return attempts > maxRetries + 1 ? null : maxRetries + 1;
}

/** The most important detail of a job, depending on its status. */
function Detail({ job }: { readonly job: Job }) {
  const { status, error, progress, result } = job;
  if (status === "running" && progress !== null) return <ProgressBar job={job} />;
  if (status === "pending") return <Waiting job={job} />;
  if (error !== null)
    return <span class={status === "failed" ? "one-line is-failed" : "one-line muted"}>{visible(error)}</span>;
  if (status === "completed" && result !== null && result !== undefined) {
    return <code class="one-line muted">{visible(JSON.stringify(result).slice(0, 200))}</code>;
  }
  return <span class="muted">–</span>;
}

function Waiting({ job }: { readonly job: Job }) {
  const now = useNow();
  const leftMs = Date.parse(job.runAt) - now;
  if (leftMs > 0) {
    const why = job.attempts > 0 ? "again" : "due";
    return (
      <span class="one-line">
        {why} in {coarse(leftMs + 999)}
        {job.error !== null && <span class="muted"> · {visible(job.error)}</span>}
      </span>
    );
  }
  return <span class="one-line muted">waiting for a worker, {coarse(leftMs)}</span>;
}

function Took({ job }: { readonly job: Job }) {
  const now = useNow();
  if (job.duration !== null) return <>{duration(job.duration * 1_000)}</>;
  if (job.status !== "running") return <span class="muted">–</span>;
  return <>{coarse(Math.max(0, now - Date.parse(job.attemptedAt)))}</>;
}

function ActionButton({ job, ask }: { readonly job: Job; readonly ask: Props["ask"] }) {
  const action = ALL_ACTIONS.find((each) => isPossible(each, job));
  if (action === undefined) return null;
  const name = ACTIONS[action].verb;
  return (
    <button
      type="button"
      class="is-quiet"
      aria-label={`${name} job ${job.jobId}`}
      title={name}
      onClick={() => ask(action, [job])}
    >
      <Icon name={action} />
    </button>
  );
}
