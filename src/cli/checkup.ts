import { counted, listed } from "../background/core/text.ts";
import type { Choice } from "../background/default-queue.ts";
import type { Health } from "../background/engine/health.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import { VERSION } from "../background/engine/version.ts";
import { type Check, fail, MAX_NAMED, ok, warn } from "./check.ts";
import { formatDuration } from "./format-time.ts";
import { jobChecks } from "./job-checks.ts";
import { missingQueue } from "./missing-queue.ts";
import { isTooOld, OLDEST_NODE } from "./node-version.ts";
import { shownUrl } from "./queue-at.ts";

/** Codes of health() warnings that other checks report. */
const REPORTED_ELSEWHERE: ReadonlySet<string> = new Set(["clock_difference", "no_worker", "no_worker_for_task"]);

/** Checks everything that may keep jobs from running, or lose them. */
export async function checksOf(
  queue: JobQueue,
  choice: Choice,
  stuckMs: number,
): Promise<{ readonly checks: readonly Check[]; readonly isReachable: boolean }> {
  const checks = [nodeCheck(process.versions.node)];
  const missing = await missingQueue(choice);
  if (missing !== undefined) {
    const remedy = "Check the path. The first program that uses the queue creates it.";
    return { checks: [...checks, fail("backend", `${missing}.`, remedy)], isReachable: false };
  }
  const refusal = await queue.ready({ timeout: "10s" }).then(
    () => null,
    (error: Error) => error,
  );
  const health = await queue.health();
  checks.push(backendCheck(health, choice, refusal), ...settingsChecks(health));
  if (refusal !== null) return { checks, isReachable: false };
  checks.push(claimsCheck(health), ...clockChecks(health), ...workerChecks(health));
  if (health.isHealthy) checks.push(...(await jobChecks(queue, health, stuckMs)));
  return { checks, isReachable: true };
}

/** @param version as in `process.versions.node` */
export function nodeCheck(version: string): Check {
  const message = `Node.js ${version}, rapidai ${VERSION}`;
  return isTooOld(version)
    ? fail("node", message, `Use Node.js ${OLDEST_NODE.join(".")} or newer.`)
    : ok("node", message);
}

function backendCheck({ latencyMs, details }: Health, choice: Choice, refusal: Error | null): Check {
  if (refusal !== null) return fail("backend", refusal.message, null);
  const version = details.version ?? details.sqliteVersion;
  const name = choice.backend === "sqlite" ? "SQLite" : details.server === "valkey" ? "Valkey" : "Redis";
  const up = typeof details.upSeconds === "number" ? `, up for ${formatDuration(1_000 * details.upSeconds)}` : "";
  // A prefix that no worker and no producer uses looks like a queue where all is well.
  const prefix = typeof details.prefix === "string" ? `, prefix ${details.prefix},` : "";
  const place = `${shownUrl(choice)}${prefix}`;
  return ok("backend", `${name} ${version ?? ""} at ${place} answers in ${latencyMs.toFixed(1)} ms${up}`);
}

function claimsCheck({ isHealthy, error }: Health): Check {
  return isHealthy ? ok("claims", "Jobs can be claimed") : fail("claims", `Jobs cannot be claimed: ${error}`, null);
}

function settingsChecks({ warnings, details }: Health): Check[] {
  const found = warnings.filter(({ code }) => !REPORTED_ELSEWHERE.has(code));
  if (found.length > 0) return found.map(({ message, remedy }) => warn("settings", message, remedy));
  return Object.keys(details).length === 0 ? [] : [ok("settings", settingsText(details))];
}

function settingsText({
  evictionPolicy,
  appendOnly,
  appendFsync,
  role,
  journalMode,
  durability,
}: Health["details"]): string {
  if (journalMode !== undefined) return `Journal mode ${journalMode}, durability ${durability}`;
  return `${role}, maxmemory-policy ${evictionPolicy}, append-only file ${appendOnly ? `with fsync ${appendFsync}` : "off"}`;
}

function clockChecks({ warnings, details }: Health): Check[] {
  const difference = details.clockDifferenceMs;
  if (typeof difference !== "number") return [];
  const found = warnings.find(({ code }) => code === "clock_difference");
  if (found !== undefined) return [warn("clock", found.message, found.remedy)];
  return [ok("clock", `The clocks of the server and of this machine differ by ${Math.abs(difference)} ms`)];
}

function workerChecks({ workers, warnings }: Health): Check[] {
  const idle = warnings
    .filter(({ code }) => code === "no_worker" || code === "no_worker_for_task")
    .map(({ message, remedy }) => warn("workers", message, remedy));
  if (workers.length === 0) return idle;
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  const tasks = new Set(workers.flatMap((worker) => worker.tasks));
  const alive = ok(
    "workers",
    `${workers.length} alive with ${counted(slots, "slot")}, for ${counted(tasks.size, "task")}`,
  );
  const versions = [...Map.groupBy(workers, ({ version }) => version)].sort(([a], [b]) => (a < b ? -1 : 1));
  const isMixed = versions.length > 1 || versions[0]?.[0] !== VERSION;
  const run = versions.map(
    ([version, those]) =>
      `${version} (${listed(
        those.map(({ id }) => id),
        MAX_NAMED,
      )})`,
  );
  return [
    alive,
    ...idle,
    isMixed
      ? warn("versions", `Workers run rapidai ${run.join(", ")}, but this is ${VERSION}.`, "Finish the rollout.")
      : ok("versions", `All run rapidai ${VERSION}`),
  ];
}
