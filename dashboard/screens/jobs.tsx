import { useEffect, useMemo, useState } from "preact/hooks";
import { ALL_DEEDS, type BulkFilter, type Deed, isPossible } from "../actions.ts";
import type { Job } from "../api.ts";
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
  /** Whether a bound ended it before it was full. */
  readonly isPartial?: boolean;
}

const PAGE = 50;

/** The page that led to the next: one can go back also where the browser has no history of it. */
const cameFrom = new Map<string, string>();

export function JobsScreen({ query }: { readonly query: URLSearchParams }) {
  const asked = query.toString();
  const before = query.get("before") ?? "";
  const [selected, select] = useState<ReadonlySet<string>>(new Set());
  const [request, setRequest] = useState<BulkRequest | undefined>();
  useEffect(() => select(new Set()), [asked]);

  const filter = useMemo(() => filterOf(query), [asked]);
  const [isMoving, setMoving] = useState(false);
  const page = useResource<Page>(pathTo("jobs", { ...filter, before, limit: String(PAGE) }), {
    // The queue's stream tells of no progress.
    ...(isMoving && { everyMs: 1_500 }),
  });
  const counts = useCounts();
  const jobs = page.data?.jobs ?? [];
  useEffect(() => setMoving(jobs.some(({ status }) => status === "running")), [page.data]);
  const next = page.data?.next ?? null;

  const go = (changes: Readonly<Record<string, string | null>>) =>
    navigate(pathTo("jobs", { ...Object.fromEntries(query), before: null, ...changes }));
  const older = () => {
    if (next === null) return;
    cameFrom.set(next, before);
    go({ before: next });
    scrollTo(0, 0);
  };
  const newer = () => before !== "" && go({ before: cameFrom.get(before) ?? null });

  useShortcuts([
    { keys: "/", does: "Search", run: () => document.getElementById("search")?.focus() },
    { keys: "j", does: "Next job", run: () => step(1) },
    { keys: "k", does: "Job before", run: () => step(-1) },
    ...(IS_READ_ONLY ? [] : [{ keys: "x", does: "Select the job", run: toggleFocused }]),
    { keys: "n", does: "Older page", run: older },
    { keys: "p", does: "Newer page", run: newer },
  ]);

  const toggle = (jobId: string) => {
    const changed = new Set(selected);
    if (!changed.delete(jobId)) changed.add(jobId);
    select(changed);
  };
  const askAbout = (deed: Deed, jobIds: readonly string[]) => setRequest({ deed, jobIds });
  const chosen = jobs.filter(({ jobId }) => selected.has(jobId));

  return (
    <>
      <h1 class="for-readers">Jobs</h1>
      <FilterBar query={query} counts={counts.data} go={go} />
      <div class={page.isStale ? "card is-stale" : "card"}>
        <Loaded resource={page} rows={10}>
          {({ isPartial }) => (
            <>
              {isPartial === true && filter.search !== undefined && (
                <Warning>
                  The search has looked at its limit of jobs on this page. Older ones may match too: go on with “Older”,
                  or narrow the time.
                </Warning>
              )}
              {jobs.length === 0 ? (
                <NothingHere query={query} go={go} />
              ) : (
                <JobTable jobs={jobs} selected={selected} toggle={toggle} selectAll={select} askAbout={askAbout} />
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
          filter={filter}
          deeds={ALL_DEEDS.filter((deed) => canAll(deed, filter))}
          clear={() => select(new Set())}
          ask={setRequest}
        />
      )}
      {request !== undefined && (
        <ConfirmBulk
          request={request}
          close={() => {
            setRequest(undefined);
            select(new Set());
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

/** All of a filter at once: only where its status says that they can be. */
function canAll(deed: Deed, { status }: BulkFilter): boolean {
  return status !== undefined && isPossible(deed, { status: status as Job["status"] });
}

function NothingHere(props: { readonly query: URLSearchParams; readonly go: (to: Record<string, null>) => void }) {
  const { query, go } = props;
  if ([...query.keys()].length === 0) {
    return <Empty title="No jobs yet.">The first one appears here by itself.</Empty>;
  }
  const clear = () => go({ status: null, task: null, search: null, since: null, from: null, to: null });
  return (
    <Empty title="No job matches.">
      <button type="button" onClick={clear}>
        Clear the filters
      </button>
    </Empty>
  );
}

const rowLinks = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>(".job-row .task")];

function step(by: 1 | -1): void {
  const links = rowLinks();
  const at = links.indexOf(document.activeElement as HTMLElement);
  links[Math.min(links.length - 1, Math.max(0, at === -1 ? 0 : at + by))]?.focus();
}

function toggleFocused(): void {
  document.activeElement?.closest(".job-row")?.querySelector<HTMLInputElement>("input[type=checkbox]")?.click();
}
