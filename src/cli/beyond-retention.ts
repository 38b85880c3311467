import { DEFAULT_KEPT } from "../background/engine/queue-options.ts";

/** What to consider before so many jobs are cancelled; empty if there is nothing. What the workers' retention is, nobody here knows. */
export function beyondRetention(count: number): string {
  if (count <= DEFAULT_KEPT) return "";
  return ` Unless set otherwise, retention keeps the newest ${DEFAULT_KEPT} failed and cancelled jobs: all others are removed, and cannot be retried.`;
}
