import type { Counts } from "./api.ts";
import { type Resource, useResource } from "./resource.ts";

/** The counts of jobs, which the queue's stream updates whenever they change. */
export function useCounts(): Resource<Counts> {
  return useResource<Counts>("counts", {
    patch: (counts, type, event) => {
      if (type === "jobs") return counts;
      return (type === "counts" || type === "snapshot") && isCounts(event) ? event : undefined;
    },
  });
}

function isCounts(event: unknown): event is Counts {
  return typeof event === "object" && event !== null && "byStatus" in event && "byTask" in event;
}
