import { useMemo } from "preact/hooks";
import { type Counts, type Health, STATUSES, type Stats } from "../api.ts";
import { useCounts } from "../counts.ts";
import { compact, count, duration, plural, visible } from "../format.ts";
import { Chart } from "../parts/chart.tsx";
import { StatusIcon } from "../parts/icons.tsx";
import { Empty, Loaded, Warning } from "../parts/notice.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { TaskTable } from "../parts/task-table.tsx";
import { useResource } from "../resource.ts";
import { Link, pathTo } from "../router.tsx";
import { columnsOf, useStats } from "../stats.ts";

/** The queue at a glance. */
export function OverviewScreen() {
  const counts = useCounts();
  const stats = useStats();
  const health = useResource<Health>("health", { everyMs: 5_000, patch: (health) => health });
  return (
    <>
      <h1 class="visually-hidden">Overview</h1>
      {health.data?.isHealthy === false && (
        <div class="failure" role="alert">
          <p class="empty-title">The backend is not healthy.</p>
          <p>{visible(health.data.error ?? "It does not say why.")}</p>
        </div>
      )}
      <Loaded resource={counts} rows={2}>
        {({ byStatus }) => <Tiles byStatus={byStatus} />}
      </Loaded>
      {health.data?.warnings.map(({ code, message, remedy }) => (
        <Warning key={code}>
          <p>{visible(message)}</p>
          <p class="muted">{visible(remedy)}</p>
        </Warning>
      ))}
      <Loaded resource={stats} rows={6}>
        {(data) => <Charts stats={data} />}
      </Loaded>
      <div class="columns">
        <section aria-labelledby="tasks-title" class="card">
          <h2 id="tasks-title">Tasks</h2>
          <Loaded resource={counts}>{({ byTask }) => <TaskTable byTask={byTask} />}</Loaded>
        </section>
        <div class="stack">
          <section aria-labelledby="workers-title" class="card">
            <h2 id="workers-title">Workers</h2>
            <Loaded resource={health}>{(data) => <Workers health={data} />}</Loaded>
          </section>
          <section aria-labelledby="backend-title" class="card">
            <h2 id="backend-title">Backend</h2>
            <Loaded resource={health}>{(data) => <Backend health={data} />}</Loaded>
          </section>
        </div>
      </div>
    </>
  );
}

function Tiles({ byStatus }: { readonly byStatus: Counts["byStatus"] }) {
  return (
    <ul class="tiles" aria-label="Jobs by status">
      {STATUSES.map((status) => (
        <li key={status}>
          <Link to={pathTo("jobs", { status })} class={`tile is-${status}`}>
            <span class="tile-name">
              <StatusIcon status={status} />
              {status}
            </span>
            <span class={byStatus[status] === 0 ? "tile-count is-zero" : "tile-count"} title={count(byStatus[status])}>
              {compact(byStatus[status])}
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

const perSecond = (value: number): string =>
  `${value >= 100 || Number.isInteger(value) ? count(value) : value.toPrecision(2)}/s`;

function Charts({ stats }: { readonly stats: Stats }) {
  const { at, ...columns } = useMemo(() => columnsOf(stats), [stats]);
  const charts = useMemo(
    () => [
      {
        title: "Throughput",
        format: perSecond,
        lines: [
          { label: "finished", colour: "accent", values: columns.finished, isFilled: true },
          { label: "failed", colour: "failed", values: columns.failed },
        ],
      },
      {
        title: "Backlog",
        format: compact,
        isWhole: true,
        lines: [
          { label: "pending", colour: "pending", values: columns.pending, isFilled: true },
          { label: "running", colour: "running", values: columns.running },
        ],
      },
      { title: "Run time", format: duration, lines: percentiles(columns.run, "running") },
      { title: "Wait time", format: duration, lines: percentiles(columns.wait, "pending") },
    ],
    [stats],
  );
  return (
    <section class="charts" aria-label="Charts">
      {charts.map((chart) => (
        <Chart key={chart.title} at={at} {...chart} />
      ))}
    </section>
  );
}

function percentiles(times: { readonly p50: (number | null)[]; readonly p95: (number | null)[] }, colour: string) {
  return [
    { label: "p50", colour, values: times.p50, isFilled: true },
    { label: "p95", colour, values: times.p95, isFaint: true },
  ];
}

function Workers({ health }: { readonly health: Health }) {
  const { workers, isHealthy } = health;
  if (workers.length === 0 && !isHealthy) {
    return <Empty title="Unknown.">The backend, which knows the workers, is not healthy.</Empty>;
  }
  if (workers.length === 0) {
    return <Empty title="No live workers.">Pending jobs wait until a process with their task is started.</Empty>;
  }
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  return (
    <>
      <p class="muted">
        {plural(workers.length, "worker")}, {plural(slots, "slot")}
      </p>
      <Scroll label="Workers that live" class="workers">
        <ul>
          {workers.slice(0, 50).map(({ id, tasks, slots, version }) => (
            <li key={id}>
              <code class="id">{visible(id)}</code>
              <span class="muted">
                {plural(slots, "slot")} · {plural(tasks.length, "task")} · {visible(version)}
              </span>
            </li>
          ))}
        </ul>
      </Scroll>
      {workers.length > 50 && <p class="muted">and {count(workers.length - 50)} more</p>}
    </>
  );
}

function Backend({ health }: { readonly health: Health }) {
  return (
    <dl class="facts">
      <div>
        <dt>Store</dt>
        <dd>{visible(health.store)}</dd>
      </div>
      <div>
        <dt>State</dt>
        <dd class={health.isHealthy ? "is-completed" : "is-failed"}>{health.isHealthy ? "healthy" : "not healthy"}</dd>
      </div>
      <div>
        <dt>Answers in</dt>
        <dd>{duration(health.latencyMs)}</dd>
      </div>
      {Object.entries(health.details).map(([name, value]) => (
        <div key={name}>
          <dt>{visible(inWords(name))}</dt>
          <dd>{visible(valueInWords(value))}</dd>
        </div>
      ))}
    </dl>
  );
}

/** maxMemoryBytes as "Max memory bytes". */
const inWords = (name: string): string =>
  name.charAt(0).toUpperCase() + name.slice(1).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

function valueInWords(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" ? count(value) : String(value);
}
