import { backendOf, hintAbout, schemeOf, sqlitePathOf, withoutPassword } from "../background/backend-url.ts";
import type { Choice } from "../background/default-queue.ts";
import type { JobQueue } from "../background/engine/queue.ts";
import type { QueueOptions } from "../background/engine/queue-options.ts";
import { RedisQueue, SqliteQueue } from "../background/queues.ts";
import { UsageError } from "./exit-code.ts";

/** Options that name the queue. */
export interface QueueAddress {
  readonly url?: string | undefined;
  readonly prefix?: string | undefined;
  readonly allowEviction?: boolean | undefined;
}

const HOW = "use --url redis://HOST or --url sqlite:PATH, or set RAPIDAI_QUEUE_URL";

/** The backend and url that the options name, or else the environment. */
export function choiceAt({ url, prefix, allowEviction }: QueueAddress, env: NodeJS.ProcessEnv): Choice {
  if (url === "") throw new UsageError(`The --url is empty (check whether a variable in it is not set): ${HOW}.`);
  const where = url ?? env.RAPIDAI_QUEUE_URL;
  if (!where) throw new UsageError(`No queue is specified: ${HOW}.`);
  const backend = backendOf(where);
  if (backend === undefined) {
    throw new UsageError(
      `A queue's url cannot begin with ${JSON.stringify(schemeOf(where))}: ${HOW}.${hintAbout(where)}`,
    );
  }
  if (backend === "memory") {
    throw new UsageError(`A queue in memory cannot be reached from another process: ${HOW}.`);
  }
  if (backend === "sqlite" && prefix !== undefined) {
    throw new UsageError("--prefix is only for Redis: an SQLite file holds a single queue.");
  }
  if (backend === "sqlite" && allowEviction !== undefined) {
    throw new UsageError("--allow-eviction is only for Redis: an SQLite file evicts nothing.");
  }
  return { backend, url: where };
}

/** Creates the queue, which is opened on first use. */
export async function queueAt(
  { backend, url }: Choice,
  { prefix, allowEviction }: QueueAddress,
  { thread = false, ...options }: QueueOptions & { readonly thread?: boolean },
): Promise<JobQueue> {
  // Preloaded: on a busy machine, loading may take longer than ready() waits. If it is missing, the queue says so.
  if (backend === "redis") await import("redis").catch(() => {});
  // No thread by default, since starting one takes longer than most commands.
  if (backend === "sqlite") return new SqliteQueue({ ...options, path: sqlitePathOf(url), thread });
  return new RedisQueue({ ...options, url, prefix, allowEviction });
}

/** The queue's url without its password. */
export function shownUrl({ url }: Choice): string {
  return withoutPassword(url);
}
