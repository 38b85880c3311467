import { useState } from "preact/hooks";
import { type Counts, STATUSES, type Status } from "../api.ts";
import { count, plural, visible } from "../format.ts";
import { Link, pathTo } from "../router.tsx";
import { Empty } from "./notice.tsx";
import { Scroll } from "./scroll.tsx";
import { SearchInput } from "./search-input.tsx";

type Row = readonly [task: string, counts: Counts["byTask"][string]];

/** Most rows shown: a queue may have thousands of tasks, which are counted again twice a second. */
const MOST = 50;

/** The jobs of each task, by status. Of many tasks, it shows the busiest, and finds the others by name. */
export function TaskTable({ byTask }: { readonly byTask: Counts["byTask"] }) {
  const [text, setText] = useState("");
  const tasks: readonly Row[] = Object.entries(byTask);
  if (tasks.length === 0) {
    return <Empty title="No jobs yet.">They appear here as soon as one is enqueued.</Empty>;
  }
  const wanted = text.trim().toLowerCase();
  const found = tasks.filter(([task]) => task.toLowerCase().includes(wanted));
  const shown = busiest(found);
  return (
    <>
      {(tasks.length > MOST || text !== "") && (
        <div class="task-search">
          <search class="search-field">
            <SearchInput label="Find a task" does="Find a task" maxLength={128} value={text} change={setText} />
          </search>
          <p class="muted" {...(wanted !== "" && { role: "status" })}>
            {shown.length < found.length
              ? `${shown.length} of ${plural(found.length, "task")}: those with the most pending, running or failed jobs`
              : plural(found.length, "task")}
          </p>
        </div>
      )}
      {found.length === 0 ? <Empty title="No task matches." /> : <Table rows={shown} />}
    </>
  );
}

/** The rows with the most jobs that are not done or have failed, by name: sorted by numbers, they would jump about. */
function busiest(rows: readonly Row[]): readonly Row[] {
  const byName = ([a]: Row, [b]: Row) => a.localeCompare(b);
  if (rows.length <= MOST) return rows.toSorted(byName);
  const weight = ([, { pending, running, failed }]: Row) => pending + running + failed;
  // Of equals always the same, whatever order the store counts them in.
  return rows
    .toSorted((a, b) => weight(b) - weight(a) || (a[0] < b[0] ? -1 : 1))
    .slice(0, MOST)
    .sort(byName);
}

function Table({ rows }: { readonly rows: readonly Row[] }) {
  return (
    <Scroll label="Jobs by task">
      <table class="counts">
        <thead>
          <tr>
            <th scope="col">Task</th>
            {STATUSES.map((status) => (
              <th key={status} scope="col" class="number">
                {status}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([task, counts]) => (
            <tr key={task}>
              <th scope="row">
                <Link to={pathTo("jobs", { task })} class="task">
                  {visible(task)}
                </Link>
              </th>
              {STATUSES.map((status) => (
                <td key={status} class="number">
                  <TaskCount task={task} status={status} value={counts[status]} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function TaskCount(props: { readonly task: string; readonly status: Status; readonly value: number }) {
  const { task, status, value } = props;
  if (value === 0) return <span class="zero">0</span>;
  return (
    <Link to={pathTo("jobs", { status, task })} class={`is-${status}`}>
      {count(value)}
    </Link>
  );
}
