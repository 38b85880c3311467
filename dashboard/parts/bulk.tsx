import { ACTIONS, type Action, ALL_ACTIONS, actOnAll, actOnEach, type BulkFilter, isPossible } from "../actions.ts";
import type { Job } from "../api.ts";
import { plural, visible } from "../format.ts";
import { Confirm } from "./confirm.tsx";
import { Icon } from "./icons.tsx";

/** A bulk action to confirm: on these jobs, or on all that match a filter. */
export interface BulkRequest {
  readonly action: Action;
  readonly jobIds?: readonly string[];
  readonly filter?: BulkFilter;
}

interface BarProps {
  readonly chosen: readonly Job[];
  readonly filter: BulkFilter;
  /** The actions that are possible for all jobs of the filter. */
  readonly actions: readonly Action[];
  clear(): void;
  ask(request: BulkRequest): void;
}

export function BulkBar({ chosen, filter, actions, clear, ask }: BarProps) {
  if (chosen.length === 0 && actions.length === 0) return null;
  const fitting = (action: Action) => chosen.filter((job) => isPossible(action, job)).map(({ jobId }) => jobId);
  return (
    <section class="bulk" aria-label="Bulk actions">
      {chosen.length > 0 ? (
        <>
          <span>{plural(chosen.length, "job")} selected</span>
          {ALL_ACTIONS.map((action) => {
            const jobIds = fitting(action);
            return (
              <button key={action} type="button" disabled={jobIds.length === 0} onClick={() => ask({ action, jobIds })}>
                <Icon name={action} /> {ACTIONS[action].verb} {jobIds.length > 0 && jobIds.length}
              </button>
            );
          })}
          <button type="button" class="is-quiet" onClick={clear}>
            Clear
          </button>
        </>
      ) : (
        actions.map((action) => (
          <button key={action} type="button" onClick={() => ask({ action, filter })}>
            <Icon name={action} /> {ACTIONS[action].verb} all that match …
          </button>
        ))
      )}
    </section>
  );
}

export function ConfirmBulk({ request, close }: { readonly request: BulkRequest; readonly close: () => void }) {
  const { action, jobIds, filter } = request;
  const { verb } = ACTIONS[action];
  const what = jobIds === undefined ? "all jobs that match" : plural(jobIds.length, "job");
  return (
    <Confirm
      title={`${verb} ${what}?`}
      action={`${verb} ${jobIds === undefined ? "all" : what}`}
      isDangerous={action === "cancel"}
      act={(report, signal) =>
        jobIds === undefined
          ? actOnAll(action, filter ?? {}, report, signal)
          : actOnEach(action, jobIds, report, signal)
      }
      close={close}
    >
      {filter !== undefined && <FilterInWords filter={filter} />}
      <p>
        {action === "retry"
          ? "They become pending again, each with a new budget of retries."
          : "They become cancelled. Running attempts are told to stop."}
      </p>
    </Confirm>
  );
}

function FilterInWords({ filter }: { readonly filter: BulkFilter }) {
  return (
    <dl class="facts">
      {Object.entries(filter).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{visible(String(value))}</dd>
        </div>
      ))}
    </dl>
  );
}
