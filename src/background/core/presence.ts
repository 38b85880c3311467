import type { WorkerPresence } from "./store.ts";

/** Reads a worker's presence from a store: an older release wrote fewer fields, another program perhaps anything. */
export function presenceOf(id: string, kept: unknown): WorkerPresence {
  const { tasks, slots, concurrency, version } = Object(kept) as Partial<Record<keyof WorkerPresence, unknown>>;
  const limits = Object.entries(Object(concurrency)).filter(
    (entry): entry is [string, number] => typeof entry[1] === "number",
  );
  return {
    id,
    tasks: Array.isArray(tasks) ? tasks.filter((task) => typeof task === "string") : [],
    slots: typeof slots === "number" ? slots : 0,
    concurrency: Object.fromEntries(limits),
    version: String(version ?? ""),
  };
}
