import { ACTIONS, type Action, ALL_ACTIONS, actOnAll, actOnEach, type BulkFilter, isPossible } from "../actions.ts";
import type { Job } from "../api.ts";
import { count, plural, shortStamp, visible } from "../format.ts";
import { Confirm } from "./confirm.tsx";
import { Icon } from "./icons.tsx";

/** An action to confirm: on these jobs, or on all that match a filter. */
export type BulkRequest = { readonly action: Action } & (
  | { readonly jobs: readonly Pick<Job, "jobId" | "task">[] }
  | { readonly filter: BulkFilter }
);

interface BarProps {
  readonly chosen: readonly Job[];
  /** The actions that are possible for all jobs of the filter. */
  readonly actions: readonly Action[];
  /** The outcome of the last action. */
  readonly outcome: string | undefined;
  clear(): void;
  ask(action: Action, jobs: readonly Job[]): void;
  askAll(action: Action): void;
}

export function BulkBar({ chosen, actions, outcome, clear, ask, askAll }: BarProps) {
  if (chosen.length === 0 && actions.length === 0 && outcome === undefined) return null;
  return (
    <section class="bulk" aria-label="Bulk actions">
      {outcome !== undefined && <span role="status">{outcome}</span>}
      {chosen.length > 0 ? (
        <>
          <span>{plural(chosen.length, "job")} selected</span>
          {ALL_ACTIONS.map((action) => {
            const jobs = chosen.filter((job) => isPossible(action, job));
            return (
              <button key={action} type="button" disabled={jobs.length === 0} onClick={() => ask(action, jobs)}>
                <Icon name={action} /> {ACTIONS[action].verb} {jobs.length > 0 && jobs.length}
              </button>
            );
          })}
          <button type="button" class="is-quiet" onClick={clear}>
            Clear
          </button>
        </>
      ) : (
        actions.map((action) => (
          <button key={action} type="button" onClick={() => askAll(action)}>
            <Icon name={action} /> {ACTIONS[action].verb} all that match …
          </button>
        ))
      )}
    </section>
  );
}

interface ConfirmProps {
  readonly request: BulkRequest;
  /** How many jobs match a filter now, if known. */
  sizeOf?(filter: BulkFilter): number | undefined;
  close(): void;
  /** Called with each of the jobs once it was changed, or found to have changed meanwhile. */
  dealtWith?(jobId: string): void;
  /** Called with the outcome, also after the action was stopped. */
  finished?(outcome: string): void;
}

export function ConfirmBulk({ request, sizeOf, close, dealtWith = () => {}, finished }: ConfirmProps) {
  const { action } = request;
  const { verb, done } = ACTIONS[action];
  const jobs = "jobs" in request ? request.jobs : undefined;
  const what = jobs === undefined ? "all jobs that match" : plural(jobs.length, "job");
  const act = async (report: (progress: string) => void, signal: AbortSignal) => {
    if ("filter" in request) {
      finished?.(`${plural(await actOnAll(action, request.filter, report, signal), "job")} ${done}.`);
      return;
    }
    const asked = request.jobs.map(({ jobId }) => jobId);
    const changed = await actOnEach(action, asked, report, signal, dealtWith);
    const isWhole = changed === asked.length || signal.aborted;
    finished?.(
      isWhole
        ? `${plural(changed, "job")} ${done}.`
        : `${changed} of ${plural(asked.length, "job")} ${done}: the others had changed meanwhile.`,
    );
  };
  return (
    <Confirm
      title={`${verb} ${what}?`}
      action={`${verb} ${jobs === undefined ? "all" : what}`}
      isDangerous={action === "cancel"}
      act={act}
      close={close}
    >
      <Facts
        facts={"filter" in request ? factsOf(request.filter, sizeOf?.(request.filter)) : factsOfJobs(request.jobs)}
      />
      <p>{CONSEQUENCES[action][jobs?.length === 1 ? "one" : "many"]}</p>
    </Confirm>
  );
}

const CONSEQUENCES: Readonly<Record<Action, { readonly one: string; readonly many: string }>> = {
  retry: {
    one: "It becomes pending again, with a new budget of retries.",
    many: "They become pending again, each with a new budget of retries.",
  },
  cancel: {
    one: "It becomes cancelled. A running attempt is told to stop.",
    many: "They become cancelled. Running attempts are told to stop.",
  },
};

type FactList = Readonly<Record<string, string | undefined>>;

/** What the action applies to, as shown in the dialog. */
function factsOfJobs([job, ...more]: readonly Pick<Job, "jobId" | "task">[]): FactList {
  return job === undefined || more.length > 0 ? {} : { Task: job.task, Job: job.jobId };
}

function factsOf({ status, task, search, from, to }: BulkFilter, size: number | undefined): FactList {
  const instant = (at: string | undefined) => at && shortStamp(Date.parse(at));
  return {
    Jobs: size === undefined ? undefined : `${count(size)} now`,
    Status: status,
    Task: task,
    Search: search,
    "Created from": instant(from),
    "Created to": instant(to),
  };
}

function Facts({ facts }: { readonly facts: FactList }) {
  const known = Object.entries(facts).filter((fact): fact is [string, string] => fact[1] !== undefined);
  if (known.length === 0) return null;
  return (
    <dl class="facts">
      {known.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{visible(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
