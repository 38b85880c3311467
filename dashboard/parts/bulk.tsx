import { ALL_DEEDS, actOnAll, actOnEach, type BulkFilter, DEEDS, type Deed, isPossible } from "../actions.ts";
import type { Job } from "../api.ts";
import { plural, visible } from "../format.ts";
import { Confirm } from "./confirm.tsx";
import { Icon } from "./icons.tsx";

/** What somebody wants to be done to several jobs: to these, or to all of a filter. */
export interface BulkRequest {
  readonly deed: Deed;
  readonly jobIds?: readonly string[];
  readonly filter?: BulkFilter;
}

interface BarProps {
  readonly chosen: readonly Job[];
  readonly filter: BulkFilter;
  /** What can be done to all jobs of the filter. */
  readonly deeds: readonly Deed[];
  clear(): void;
  ask(request: BulkRequest): void;
}

export function BulkBar({ chosen, filter, deeds, clear, ask }: BarProps) {
  if (chosen.length === 0 && deeds.length === 0) return null;
  const fitting = (deed: Deed) => chosen.filter((job) => isPossible(deed, job)).map(({ jobId }) => jobId);
  return (
    <section class="bulk" aria-label="Bulk actions">
      {chosen.length > 0 ? (
        <>
          <span>{plural(chosen.length, "job")} selected</span>
          {ALL_DEEDS.map((deed) => {
            const jobIds = fitting(deed);
            return (
              <button key={deed} type="button" disabled={jobIds.length === 0} onClick={() => ask({ deed, jobIds })}>
                <Icon name={deed} /> {DEEDS[deed].verb} {jobIds.length > 0 && jobIds.length}
              </button>
            );
          })}
          <button type="button" class="is-quiet" onClick={clear}>
            Clear
          </button>
        </>
      ) : (
        deeds.map((deed) => (
          <button key={deed} type="button" onClick={() => ask({ deed, filter })}>
            <Icon name={deed} /> {DEEDS[deed].verb} all that match …
          </button>
        ))
      )}
    </section>
  );
}

export function ConfirmBulk({ request, close }: { readonly request: BulkRequest; readonly close: () => void }) {
  const { deed, jobIds, filter } = request;
  const { verb } = DEEDS[deed];
  const what = jobIds === undefined ? "all jobs that match" : plural(jobIds.length, "job");
  return (
    <Confirm
      title={`${verb} ${what}?`}
      deed={`${verb} ${jobIds === undefined ? "all" : what}`}
      isDangerous={deed === "cancel"}
      act={(tell, signal) =>
        jobIds === undefined ? actOnAll(deed, filter ?? {}, tell, signal) : actOnEach(deed, jobIds, tell, signal)
      }
      close={close}
    >
      {filter !== undefined && <FilterInWords filter={filter} />}
      <p>
        {deed === "retry"
          ? "They go back to pending, each with a new budget of retries."
          : "They end as cancelled. Attempts that run are told to stop."}
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
