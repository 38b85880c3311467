import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { type ThreadProgram, threadFault, threadUrl } from "../../core/thread-program.ts";
import { inBatches } from "./batches.ts";
import type { Durability } from "./connection.ts";
import type { Message, Reply, Service } from "./service.ts";

/** What runs the service that owns the connection. */
export interface Host {
  send(message: Message): void;
  /** Sets whether it keeps the process alive, as it must while an answer is pending. */
  keepAlive(isNeeded: boolean): void;
  /** Ends it after it has answered `close`. */
  end(): Promise<void>;
}

export interface HostOptions {
  readonly path: string;
  readonly durability: Durability;
  readonly onReply: (reply: Reply) => void;
  /** It has ended, on request or by a failure. */
  readonly onLost: (cause: unknown) => void;
}

const PROGRAM: ThreadProgram = {
  what: "SqliteQueue",
  name: "thread",
  module: import.meta.url,
  traced: `${import.meta.url}/../thread.js`,
  or: ", or set thread: false",
};

/** Runs it on a thread of its own, so that the program's event loop does not wait for the disk. */
export function threadHost({ path, durability, onReply, onLost }: HostOptions): Host {
  const thread = threadOf({ path, durability });
  thread.unref();
  thread.on("message", (replies: readonly Reply[]) => {
    for (const reply of replies) onReply(reply);
  });
  thread.on("error", (error) => onLost(threadFault(PROGRAM, error)));
  thread.on("exit", () => onLost(new Error("its thread ended")));
  // Messages of one turn of the event loop are posted together, and so share a commit.
  const send = inBatches<Message>(setImmediate, (messages) => thread.postMessage(messages));
  return {
    send,
    keepAlive: (isNeeded) => (isNeeded ? thread.ref() : thread.unref()),
    // Listeners stay attached: an error event still under way would end the process without one.
    end: async () => void (await thread.terminate()),
  };
}

function threadOf(workerData: Pick<HostOptions, "path" | "durability">): Worker {
  const url = threadUrl(PROGRAM, existsSync);
  try {
    // Without the program's own flags: its preloads are not meant for this thread, and may have relative paths.
    return new Worker(url, { name: "rapidai-sqlite", workerData, execArgv: [] });
  } catch (error) {
    throw threadFault(PROGRAM, error);
  }
}

/** Runs it on the program's own thread, for where no other is possible, such as in a single-file bundle. */
export function localHost({ path, durability, onReply, onLost }: HostOptions): Host {
  // Imported on demand, since not every Node.js has SQLite.
  const service: Promise<Service> = import("./service.ts").then(
    ({ Service }) => new Service(path, durability, onReply),
  );
  service.catch(onLost);
  let timer: NodeJS.Timeout | undefined;
  return {
    send: (message) => {
      service.then((ready) => ready.receive(message)).catch(onLost);
    },
    keepAlive: (isNeeded) => {
      clearInterval(timer);
      // Any referenced timer keeps the process alive.
      if (isNeeded) timer = setInterval(() => {}, 60_000);
    },
    end: async () => clearInterval(timer),
  };
}
