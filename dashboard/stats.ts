import type { Stats } from "./api.ts";
import { type Resource, useResource } from "./resource.ts";
import { pathTo } from "./router.tsx";

/** Half an hour, as on the server. */
const KEPT_MS = 30 * 60_000;
/** How many missing points make a gap in the charts. */
const GAP_POINTS = 5;

type Point = Stats["points"][number];

/** The queue's statistics over time; reloading only gets new points. */
export function useStats(): Resource<Stats> {
  return useResource<Stats>("stats", {
    everyMs: 2_000,
    // No event affects them.
    patch: (stats) => stats,
    address: (stats) => pathTo("stats", { tasks: "none", after: stats?.points.at(-1)?.at }),
    merge: (older, newer) => {
      const last = older?.points.at(-1)?.at ?? "";
      const points = [...(older?.points ?? []), ...newer.points.filter(({ at }) => at > last)];
      const oldest = Date.parse(points.at(-1)?.at ?? "") - KEPT_MS;
      return { everyMs: newer.everyMs, points: points.filter(({ at }) => Date.parse(at) > oldest) };
    },
  });
}

/** The points as columns, for charts. */
export function columnsOf(stats: Stats) {
  const rows = rowsOf(stats);
  const column = (of: (point: Point) => number | null | undefined) =>
    rows.map(({ point }) => (point === null ? null : (of(point) ?? null)));
  return {
    at: rows.map(({ at }) => at),
    finished: column(({ throughput }) => throughput),
    failed: column(({ failures }) => failures),
    pending: column(({ byStatus }) => byStatus.pending),
    running: column(({ byStatus }) => byStatus.running),
    run: { p50: column(({ runMs }) => runMs?.p50), p95: column(({ runMs }) => runMs?.p95) },
    wait: { p50: column(({ waitMs }) => waitMs?.p50), p95: column(({ waitMs }) => waitMs?.p95) },
  };
}

/** The points, with an empty row where some are missing, since nobody watched or the server was unreachable. */
function rowsOf({ everyMs, points }: Stats): readonly { readonly at: number; readonly point: Point | null }[] {
  let before = Number.NaN;
  return points.flatMap((point) => {
    const at = Date.parse(point.at);
    const isGap = at - before > GAP_POINTS * everyMs;
    const rows = [...(isGap ? [{ at: before + everyMs, point: null }] : []), { at, point }];
    before = at;
    return rows;
  });
}
