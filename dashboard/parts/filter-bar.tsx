import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Counts, STATUSES } from "../api.ts";
import { compact, isJobId, visible } from "../format.ts";
import { jobPath, Link, navigate, pathTo } from "../router.tsx";
import { instantOf, SPANS } from "../spans.ts";
import { StatusIcon } from "./icons.tsx";
import { SearchInput } from "./search-input.tsx";

interface Props {
  readonly query: URLSearchParams;
  readonly counts: Counts | undefined;
  go(changes: Readonly<Record<string, string | null>>): void;
}

/** How long after the last key the search is applied. */
const TYPING_MS = 350;
/** How many pixels of the tab before the chosen one stay visible. */
const MARGIN = 48;

export function FilterBar({ query, counts, go }: Props) {
  const task = query.get("task") ?? "";
  const tasks = Object.keys(counts?.byTask ?? {}).sort();
  const [isChosen, setChosen] = useState(false);
  const isCustom = isChosen || query.has("from") || query.has("to");
  const since = isCustom ? "custom" : (query.get("since") ?? "");
  const chooseSpan = (chosen: string) => {
    setChosen(chosen === "custom");
    go({ since: chosen === "custom" ? null : chosen, from: null, to: null });
  };
  return (
    <div class="filters">
      <StatusTabs query={query} counts={counts} />
      <search class="filter-fields">
        <SearchField query={query} go={go} />
        <select
          aria-label="Task"
          value={task}
          onChange={({ currentTarget }) => go({ task: currentTarget.value || null })}
        >
          <option value="">All tasks</option>
          {(tasks.includes(task) || task === "" ? tasks : [task, ...tasks]).map((name) => (
            <option key={name} value={name}>
              {visible(name)}
            </option>
          ))}
        </select>
        <select aria-label="Created" value={since} onChange={({ currentTarget }) => chooseSpan(currentTarget.value)}>
          <option value="">Any time</option>
          {Object.entries(SPANS).map(([value, { name }]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
          <option value="custom">From … to …</option>
        </select>
        {isCustom && (
          <>
            <InstantField name="from" query={query} go={go} />
            <InstantField name="to" query={query} go={go} />
          </>
        )}
      </search>
    </div>
  );
}

function StatusTabs({ query, counts }: Pick<Props, "query" | "counts">) {
  const status = query.get("status") ?? "";
  const task = query.get("task");
  const shown = task === null ? counts?.byStatus : counts?.byTask[task];
  const tabs = useRef<HTMLElement>(null);
  // On a phone they do not fit.
  useEffect(() => {
    const current = tabs.current?.querySelector<HTMLElement>("[aria-current]");
    if (current) tabs.current?.scrollTo(current.offsetLeft - MARGIN, 0);
  }, [status, counts === undefined]);
  const to = (chosen: string | null) => pathTo("jobs", { ...Object.fromEntries(query), before: null, status: chosen });
  return (
    <nav ref={tabs} class="tabs" aria-label="Status">
      <Link to={to(null)} {...(status === "" && { "aria-current": "true" as const })}>
        all
      </Link>
      {STATUSES.map((each) => (
        <Link
          key={each}
          to={to(each)}
          class={`is-${each}`}
          {...(status === each && { "aria-current": "true" as const })}
        >
          <StatusIcon status={each} />
          <span>{each}</span>
          {counts !== undefined && <span class="tab-count">{compact(shown?.[each] ?? 0)}</span>}
        </Link>
      ))}
    </nav>
  );
}

function SearchField({ query, go }: Pick<Props, "query" | "go">) {
  const search = query.get("search") ?? "";
  const [text, setText] = useState(search);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  // Keeps a trailing space that has been typed before the next word.
  useEffect(() => setText((typed) => (typed.trim() === search ? typed : search)), [search]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const apply = (typed: string) => {
    clearTimeout(timer.current);
    const wanted = typed.trim();
    const jobId = wanted.toLowerCase();
    if (isJobId(jobId)) navigate(jobPath(jobId));
    else if (wanted !== search) go({ search: wanted || null });
  };
  return (
    <form
      class="search-field"
      onSubmit={(event) => {
        event.preventDefault();
        apply(text);
      }}
    >
      <SearchInput
        label="Job id, or text in the payload"
        does="Search"
        maxLength={200}
        value={text}
        change={(typed) => {
          setText(typed);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => apply(typed), TYPING_MS);
        }}
      />
    </form>
  );
}

function InstantField({ name, query, go }: Pick<Props, "query" | "go"> & { readonly name: "from" | "to" }) {
  const given = query.get(name);
  const [text, setText] = useState(localTime(given));
  // A year being typed is an early one, for which the conversion to UTC and back may lose seconds.
  useLayoutEffect(
    () => setText((typed) => (instantOf(typed) === instantOf(given) ? typed : localTime(given))),
    [given],
  );
  return (
    <input
      type="datetime-local"
      aria-label={`Created ${name}`}
      value={text}
      onChange={({ currentTarget: { value } }) => {
        setText(value);
        go({ since: null, [name]: instantOf(value) ?? null });
      }}
    />
  );
}

/** Converts an instant to the local time of an input field. The address has UTC, so that it can be shared. */
function localTime(instant: string | null): string {
  const at = new Date(instant ?? "");
  if (Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
