import { existsSync } from "node:fs";
import { parentPort, type ResourceLimits, Worker } from "node:worker_threads";
import { PermanentError } from "../background/core/endings.ts";
import { JobError, type JobErrorCode } from "../background/core/errors.ts";
import { type ThreadProgram, threadFault, threadUrl } from "../background/core/thread-program.ts";

interface PendingCall {
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

interface CallMessage {
  readonly id: number;
  readonly request: unknown;
}

type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: SerializedError };

/** An error in a form that can be posted to another thread, where its class would be lost. */
interface SerializedError {
  readonly code: JobErrorCode | null;
  readonly message: string;
  readonly isPermanent: boolean;
  readonly cause: string | null;
}

export interface ThreadOptions {
  readonly program: ThreadProgram;
  /** Names the thread in debuggers and errors. */
  readonly name: string;
  /** The thread's `workerData`. */
  readonly data?: unknown;
  readonly limits?: ResourceLimits;
}

/**
 * Calls a program on a thread of its own. The thread is started by the first call, and restarted by the next call after
 * it was ended or has failed. It keeps the process alive only while calls are pending.
 */
export class ThreadCalls<Request> {
  readonly #options: ThreadOptions;
  readonly #calls = new Map<number, PendingCall>();
  #thread: Worker | undefined;
  #nextId = 0;

  constructor(options: ThreadOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#thread !== undefined;
  }

  /** @param transfer buffers that are moved rather than copied, and are detached here afterwards */
  call<T>(request: Request, transfer: readonly ArrayBuffer[] = []): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#thread ??= this.#start();
      const id = this.#nextId++;
      this.#calls.set(id, { resolve, reject });
      this.#thread.ref();
      this.#thread.postMessage({ id, request } satisfies CallMessage, transfer);
    });
  }

  /** The thread's memory in bytes, also while it is busy: its heap, and buffers outside the heap. 0 if unknown. */
  async memoryUsage(): Promise<number> {
    const thread = this.#thread;
    // The thread may not have started yet, or may end meanwhile; and older versions of Node.js lack the method.
    const statistics = await thread?.getHeapStatistics?.().catch(() => undefined);
    if (statistics === undefined || thread !== this.#thread) return 0;
    return statistics.used_heap_size + statistics.external_memory;
  }

  /** Terminates the thread, even if it is busy. Pending calls reject with `reason`. */
  async end(reason: unknown): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined) return;
    this.#abandon(thread, reason);
    // Its listeners stay: an error already on its way here would be uncaught without one.
    await thread.terminate();
  }

  #start(): Worker {
    const { program, name, data, limits } = this.#options;
    const thread = new Worker(threadUrl(program, existsSync), {
      name,
      workerData: data,
      // Not the process's flags: modules that they preload are not meant for this thread.
      execArgv: [],
      ...(limits && { resourceLimits: limits }),
    });
    thread.on("message", (answer: Answer) => this.#receive(thread, answer));
    thread.on("error", (error) => this.#abandon(thread, threadFault(program, error)));
    thread.on("exit", () => this.#abandon(thread, new Error(`The thread ${name} ended.`)));
    return thread;
  }

  #receive(thread: Worker, answer: Answer): void {
    const call = this.#calls.get(answer.id);
    this.#calls.delete(answer.id);
    if (this.#calls.size === 0) thread.unref();
    if ("error" in answer) call?.reject(deserialize(answer.error));
    else call?.resolve(answer.result as never);
  }

  /** Forgets the thread and rejects its pending calls. */
  #abandon(thread: Worker, reason: unknown): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { reject } of calls) reject(reason);
  }
}

/** Runs on the thread: answers each call with the result of `answer`, one at a time and in order. */
export function answerCalls<Request>(answer: (request: Request) => unknown): void {
  const port = parentPort;
  if (port === null) throw new Error("This program is for a thread.");
  let turn: Promise<void> = Promise.resolve();
  port.on("message", ({ id, request }: CallMessage) => {
    turn = turn.then(async () => {
      try {
        port.postMessage({ id, result: await answer(request as Request) } satisfies Answer);
      } catch (error) {
        port.postMessage({ id, error: serialize(error) } satisfies Answer);
      }
    });
  });
}

function serialize(error: unknown): SerializedError {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const root = cause instanceof PermanentError ? cause.cause : cause;
  return {
    code: error instanceof JobError ? error.code : null,
    message,
    isPermanent: cause instanceof PermanentError,
    cause: root === undefined ? null : String(root),
  };
}

function deserialize({ code, message, isPermanent, cause }: SerializedError): Error {
  const root = cause === null ? undefined : new Error(cause);
  const shown = isPermanent ? new PermanentError("the same would happen again", { cause: root }) : root;
  return code === null ? new Error(message, { cause: shown }) : new JobError(code, message, { cause: shown });
}
