import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { type ThreadProgram, threadFault, threadUrl } from "../../core/thread-program.ts";
import { inBatches } from "./batches.ts";
import type { Durability } from "./connection.ts";
import type { Message, Reply, Service } from "./service.ts";

/** Where the connection is. */
export interface Host {
  send(message: Message): void;
  /** While somebody waits for an answer, the process must not end. */
  hold(isWaitedFor: boolean): void;
  /** Ends it, once it has answered `close`. */
  end(): Promise<void>;
}

export interface HostOptions {
  readonly path: string;
  readonly durability: Durability;
  readonly onReply: (reply: Reply) => void;
  /** It is gone, maybe because it was ended. */
  readonly onLost: (cause: unknown) => void;
}

const PROGRAM: ThreadProgram = {
  what: "SqliteQueue",
  name: "thread",
  module: import.meta.url,
  traced: `${import.meta.url}/../thread.js`,
  or: ", or set thread: false",
};

/** On a thread of its own: SQLite waits for the disk, and the program's event loop does not. */
export function threadHost({ path, durability, onReply, onLost }: HostOptions): Host {
  const thread = threadOf({ path, durability });
  thread.unref();
  thread.on("message", (replies: readonly Reply[]) => {
    for (const reply of replies) onReply(reply);
  });
  thread.on("error", (error) => onLost(threadFault(PROGRAM, error)));
  thread.on("exit", () => onLost(new Error("its thread ended")));
  // What is sent in one turn of the event loop crosses together, and so shares a commit.
  const send = inBatches<Message>(setImmediate, (messages) => thread.postMessage(messages));
  return {
    send,
    hold: (isWaitedFor) => (isWaitedFor ? thread.ref() : thread.unref()),
    // What listens to it stays: an error on its way here ends the process where nobody hears it.
    end: async () => void (await thread.terminate()),
  };
}

function threadOf(workerData: Pick<HostOptions, "path" | "durability">): Worker {
  const url = threadUrl(PROGRAM, existsSync);
  try {
    // Without the program's own flags: what it preloads is not for this thread, and may be named from another folder.
    return new Worker(url, { name: "rapidai-sqlite", workerData, execArgv: [] });
  } catch (error) {
    throw threadFault(PROGRAM, error);
  }
}

/** On the program's own thread, for where no other can be had: bundled into one file, say. */
export function localHost({ path, durability, onReply, onLost }: HostOptions): Host {
  // Loaded when it is used: not every Node.js has SQLite.
  const service: Promise<Service> = import("./service.ts").then(
    ({ Service }) => new Service(path, durability, onReply),
  );
  service.catch(onLost);
  let timer: NodeJS.Timeout | undefined;
  return {
    send: (message) => {
      service.then((ready) => ready.receive(message)).catch(onLost);
    },
    hold: (isWaitedFor) => {
      clearInterval(timer);
      // Any timer will do; what it calls for is that the process goes on.
      if (isWaitedFor) timer = setInterval(() => {}, 60_000);
    },
    end: async () => clearInterval(timer),
  };
}
