import { JobError } from "./errors.ts";
import { toPlain } from "./plain.ts";
import type { Usage } from "./store.ts";

/**
 * Usage as it is stored.
 *
 * @throws JobError `invalid_option` for anything that is not usage
 */
export function usageOf(given: Usage): Usage {
  const usage = readUsage(given);
  if (usage === null) throw noUsage(given);
  return usage;
}

/** Reads usage from a store; `null` if it is invalid: another program may have written anything there. */
export function readUsage(kept: unknown): Usage | null {
  if (typeof kept !== "object" || kept === null) return null;
  const { inputTokens, outputTokens, cost } = kept as Partial<Record<keyof Usage, unknown>>;
  if (!isCount(inputTokens) || !isCount(outputTokens) || !(cost === null || isAmount(cost))) return null;
  return { inputTokens, outputTokens, cost };
}

/** The sum of both. One unknown cost makes the sum's unknown, since it would be too low. */
export function addUsage(before: Usage | null, more: Usage): Usage {
  if (before === null) return more;
  return {
    inputTokens: before.inputTokens + more.inputTokens,
    outputTokens: before.outputTokens + more.outputTokens,
    cost: before.cost === null || more.cost === null ? null : before.cost + more.cost,
  };
}

function isCount(given: unknown): given is number {
  return Number.isSafeInteger(given) && (given as number) >= 0;
}

function isAmount(given: unknown): given is number {
  return Number.isFinite(given) && (given as number) >= 0;
}

function noUsage(given: unknown): JobError {
  const shown = typeof given === "object" ? JSON.stringify(toPlain(given)).slice(0, 200) : typeof given;
  return new JobError(
    "invalid_option",
    `job.recordUsage() takes { inputTokens, outputTokens, cost }, not ${shown}: tokens are whole numbers, cost is in dollars, or null if the price is unknown.`,
  );
}
