import type { Stats } from "./api.ts";
import { type Resource, useResource } from "./resource.ts";
import { pathTo } from "./router.tsx";

/** Half an hour, as on the server. */
const MAX_POINTS = 900;

/** The queue's statistics over time; reloading only gets new points. */
export function useStats(): Resource<Stats> {
  return useResource<Stats>("stats", {
    everyMs: 2_000,
    // No event affects them.
    patch: (stats) => stats,
    address: (stats) => pathTo("stats", { after: stats?.points.at(-1)?.at }),
    merge: (older, newer) => {
      const last = older?.points.at(-1)?.at ?? "";
      const points = [...(older?.points ?? []), ...newer.points.filter(({ at }) => at > last)];
      return { everyMs: newer.everyMs, points: points.slice(-MAX_POINTS) };
    },
  });
}

/** The points as columns, for charts. */
export function columnsOf({ points }: Stats) {
  const column = (of: (point: Stats["points"][number]) => number | null | undefined) =>
    points.map((point) => of(point) ?? null);
  return {
    at: points.map(({ at }) => Date.parse(at)),
    throughput: column(({ throughput }) => throughput),
    pending: column(({ byStatus }) => byStatus.pending),
    running: column(({ byStatus }) => byStatus.running),
    run: { p50: column(({ runMs }) => runMs?.p50), p95: column(({ runMs }) => runMs?.p95) },
    wait: { p50: column(({ waitMs }) => waitMs?.p50), p95: column(({ waitMs }) => waitMs?.p95) },
  };
}
