import { useEffect, useState } from "preact/hooks";
import { type Action, ALL_ACTIONS, type BulkFilter, isPossible } from "../actions.ts";
import type { Counts, Job } from "../api.ts";
import { useCounts } from "../counts.ts";
import { useShortcuts } from "../keys.ts";
import { BulkBar, type BulkRequest, ConfirmBulk } from "../parts/bulk.tsx";
import { FilterBar } from "../parts/filter-bar.tsx";
import { Icon } from "../parts/icons.tsx";
import { JobTable } from "../parts/job-table.tsx";
import { Empty, Loaded, Warning } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { navigate, pathTo } from "../router.tsx";
import { IS_READ_ONLY } from "../settings.ts";
import { instantsOf } from "../spans.ts";

interface Page {
  readonly jobs: readonly Job[];
  readonly next: string | null;
  /** Whether a limit was reached before the page was full. */
  readonly isPartial?: boolean;
}

const PAGE = 50;

/** The page shown last, for going back from a job: shown at once, it lets the browser restore the scroll position. */
let latest: { readonly path: string; readonly page: Page } | undefined;

/** The path of the list shown last. */
export const latestJobs = (): string => latest?.path ?? "jobs";

/** The cursor of the previous page, by that of the next one, so that "Newer" works without the browser's history. */
const previousCursors = new Map<string, string>();

export function JobsScreen({ query }: { readonly query: URLSearchParams }) {
  const asked = query.toString();
  const before = query.get("before") ?? "";
  const [selected, setSelected] = useState<ReadonlyMap<string, Job>>(new Map());
  const [request, setRequest] = useState<BulkRequest | undefined>();
  const [outcome, setOutcome] = useState<string | undefined>();
  const clear = () => setSelected(new Map());
  useEffect(() => {
    clear();
    setOutcome(undefined);
  }, [asked]);

  const filter = filterOf(query);
  const [hasRunning, setHasRunning] = useState(false);
  const path = pathTo("jobs", Object.fromEntries(query));
  const page = useResource<Page>(path, {
    initial: latest?.path === path ? latest.page : undefined,
    // "Last hour" begins at another instant each time.
    address: () => pathTo("jobs", { ...filterOf(query), before, limit: String(PAGE) }),
    // The queue's stream has no events for progress.
    ...(hasRunning && { everyMs: 1_500 }),
  });
  const counts = useCounts();
  const jobs = page.data?.jobs ?? [];
  useEffect(() => {
    if (page.data !== undefined && !page.isStale) latest = { path, page: page.data };
  }, [page.data, page.isStale, path]);
  useEffect(() => setHasRunning(jobs.some(({ status }) => status === "running")), [page.data]);
  const next = page.data?.next ?? null;

  const go = (changes: Readonly<Record<string, string | null>>) =>
    navigate(pathTo("jobs", { ...Object.fromEntries(query), before: null, ...changes }));
  const older = () => {
    // Until the page has loaded, the cursor is still the one that led to it.
    if (next === null || page.isStale) return;
    previousCursors.set(next, before);
    go({ before: next });
    scrollTo(0, 0);
  };
  const newer = () => before !== "" && go({ before: previousCursors.get(before) ?? null });

  useShortcuts([
    { keys: "j", does: "Next job", run: () => step(1) },
    { keys: "k", does: "Previous job", run: () => step(-1) },
    ...(IS_READ_ONLY ? [] : [{ keys: "x", does: "Select the job", run: toggleFocused }]),
    { keys: "n", does: "Older page", run: older },
    { keys: "p", does: "Newer page", run: newer },
  ]);

  const select = (some: readonly Job[]) =>
    setSelected((before) => new Map([...before, ...some.map((job) => [job.jobId, job] as const)]));
  const deselect = (some: readonly Pick<Job, "jobId">[]) => {
    const ids = new Set(some.map(({ jobId }) => jobId));
    setSelected((before) => new Map([...before].filter(([jobId]) => !ids.has(jobId))));
  };
  const ask = (asking: BulkRequest) => {
    setOutcome(undefined);
    setRequest(asking);
  };
  const askAbout = (action: Action, some: readonly Job[]) => ask({ action, jobs: some });
  // Jobs stay selected when new ones move them to an older page.
  const chosen = [...selected.values()].map((was) => jobs.find(({ jobId }) => jobId === was.jobId) ?? was);

  return (
    <>
      <h1 class="visually-hidden">Jobs</h1>
      <FilterBar query={query} counts={counts.data} go={go} />
      <div class={page.isStale ? "card is-stale" : "card"}>
        <Loaded resource={page} rows={10}>
          {({ isPartial = false }) => (
            <>
              {isPartial && filter.search !== undefined && (
                <Warning>
                  The search has reached its limit of jobs for this page. Older ones may match too: continue with
                  “Older”, or narrow the time.
                </Warning>
              )}
              {jobs.length === 0 ? (
                <NothingHere query={query} isPartial={isPartial} go={go} />
              ) : (
                <JobTable jobs={jobs} selected={selected} select={select} deselect={deselect} ask={askAbout} />
              )}
            </>
          )}
        </Loaded>
        <nav class="pages" aria-label="Pages">
          <button type="button" disabled={before === ""} onClick={newer}>
            <Icon name="newer" /> Newer
          </button>
          <button type="button" disabled={next === null} onClick={older}>
            Older <Icon name="older" />
          </button>
        </nav>
      </div>
      {!IS_READ_ONLY && (
        <BulkBar
          chosen={chosen}
          actions={ALL_ACTIONS.filter((action) => canAll(action, filter))}
          outcome={outcome}
          clear={clear}
          ask={askAbout}
          askAll={(action) => ask({ action, filter: filterOf(query) })}
        />
      )}
      {request !== undefined && (
        <ConfirmBulk
          request={request}
          sizeOf={(asked) => sizeOf(asked, counts.data)}
          dealtWith={(jobId) => deselect([{ jobId }])}
          finished={setOutcome}
          close={() => {
            setRequest(undefined);
            page.refresh();
          }}
        />
      )}
    </>
  );
}

function filterOf(query: URLSearchParams): BulkFilter {
  const given = (name: string) => {
    const value = query.get(name);
    return value === null || value === "" ? {} : { [name]: value };
  };
  return { ...given("status"), ...given("task"), ...given("search"), ...instantsOf(query) };
}

/** Whether an action is offered for all jobs of a filter: only if it has a status for which the action is possible. */
function canAll(action: Action, { status }: BulkFilter): boolean {
  return status !== undefined && isPossible(action, { status: status as Job["status"] });
}

/** How many jobs match a filter, which is known for a status, or a status and a task. */
function sizeOf({ status, task, ...more }: BulkFilter, counts: Counts | undefined): number | undefined {
  if (counts === undefined || Object.keys(more).length > 0) return undefined;
  const shown = task === undefined ? counts.byStatus : counts.byTask[task];
  return shown?.[status as Job["status"]];
}

function NothingHere(props: {
  readonly query: URLSearchParams;
  readonly isPartial: boolean;
  readonly go: (to: Record<string, null>) => void;
}) {
  const { query, isPartial, go } = props;
  if ([...query.keys()].length === 0) {
    return <Empty title="No jobs yet.">The first one appears here by itself.</Empty>;
  }
  const clear = () => go({ status: null, task: null, search: null, since: null, from: null, to: null });
  return (
    <Empty title={isPartial ? "No job matches so far." : "No job matches."}>
      <button type="button" onClick={clear}>
        Clear the filters
      </button>
    </Empty>
  );
}

/** The job that was stepped to last, to go on from there after a look at it. */
let reached: string | undefined;

function step(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>(".job-row")];
  const focused = rows.findIndex((row) => row.contains(document.activeElement));
  const at = focused === -1 ? rows.findIndex(({ dataset }) => dataset.job === reached) : focused;
  const row = rows[Math.min(rows.length - 1, Math.max(0, at === -1 ? 0 : at + by))];
  reached = row?.dataset.job;
  row?.querySelector<HTMLElement>(".task")?.focus();
}

function toggleFocused(): void {
  document.activeElement?.closest(".job-row")?.querySelector<HTMLInputElement>("input[type=checkbox]")?.click();
}
