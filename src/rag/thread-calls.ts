import { existsSync } from "node:fs";
import { parentPort, type ResourceLimits, Worker } from "node:worker_threads";
import { PermanentError } from "../background/core/endings.ts";
import { JobError, type JobErrorCode } from "../background/core/errors.ts";
import { type ThreadProgram, threadFault, threadUrl } from "../background/core/thread-program.ts";

interface Call {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: unknown) => void;
}

interface Question {
  readonly number: number;
  readonly ask: unknown;
}

type Answer =
  | { readonly number: number; readonly answer: unknown }
  | { readonly number: number; readonly fault: Fault };

/** An error as it crosses from one thread to another, where classes do not. */
interface Fault {
  readonly code: JobErrorCode | null;
  readonly message: string;
  readonly isPermanent: boolean;
  readonly cause: string | null;
}

/** Where a thread's program is, and what it may take. */
export interface ThreadOptions {
  readonly program: ThreadProgram;
  readonly name: string;
  readonly data?: unknown;
  readonly limits?: ResourceLimits;
}

/**
 * Calls to a program on a thread of its own. The thread begins with the first call, keeps the process alive only while
 * somebody waits for an answer, and begins anew with the next call when it was lost.
 */
export class ThreadCalls<Ask> {
  readonly #options: ThreadOptions;
  readonly #calls = new Map<number, Call>();
  #thread: Worker | undefined;
  #number = 0;

  constructor(options: ThreadOptions) {
    this.#options = options;
  }

  /** Whether there is a thread. */
  get isRunning(): boolean {
    return this.#thread !== undefined;
  }

  /** @param transfer what is handed over rather than copied, and is empty here afterwards */
  call<T>(ask: Ask, transfer: readonly ArrayBuffer[] = []): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#thread ??= this.#begin();
      const number = this.#number++;
      this.#calls.set(number, { resolve, reject });
      this.#thread.ref();
      this.#thread.postMessage({ number, ask } satisfies Question, transfer);
    });
  }

  /** What the thread holds of memory, whatever it is at, in bytes: its objects, and what lies outside of the heap, as buffers do. */
  async held(): Promise<number> {
    const thread = this.#thread;
    // It may have not begun yet, or end meanwhile; and not every Node.js can tell.
    const statistics = await thread?.getHeapStatistics?.().catch(() => undefined);
    if (statistics === undefined || thread !== this.#thread) return 0;
    return statistics.used_heap_size + statistics.external_memory;
  }

  /** Ends the thread, whatever it is at; who waits is told why. */
  async end(reason: unknown): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined) return;
    this.#lose(thread, reason);
    // What listens to it stays: an error on its way here ends the process where nobody hears it.
    await thread.terminate();
  }

  #begin(): Worker {
    const { program, name, data, limits } = this.#options;
    const thread = new Worker(threadUrl(program, existsSync), {
      name,
      workerData: data,
      // Without the program's own flags: what it preloads is not for this thread.
      execArgv: [],
      ...(limits && { resourceLimits: limits }),
    });
    thread.on("message", (answer: Answer) => this.#receive(thread, answer));
    thread.on("error", (error) => this.#lose(thread, threadFault(program, error)));
    thread.on("exit", () => this.#lose(thread, new Error(`The thread ${name} ended.`)));
    return thread;
  }

  #receive(thread: Worker, answer: Answer): void {
    const call = this.#calls.get(answer.number);
    this.#calls.delete(answer.number);
    if (this.#calls.size === 0) thread.unref();
    if ("fault" in answer) call?.reject(errorOf(answer.fault));
    else call?.resolve(answer.answer as never);
  }

  #lose(thread: Worker, reason: unknown): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { reject } of calls) reject(reason);
  }
}

/** On the thread's side: answers each call with what a function makes of it, in their order. */
export function answerCalls<Ask>(answer: (ask: Ask) => unknown): void {
  const port = parentPort;
  if (port === null) throw new Error("This program is for a thread.");
  let turn: Promise<void> = Promise.resolve();
  port.on("message", ({ number, ask }: Question) => {
    turn = turn.then(async () => {
      try {
        port.postMessage({ number, answer: await answer(ask as Ask) } satisfies Answer);
      } catch (error) {
        port.postMessage({ number, fault: faultOf(error) } satisfies Answer);
      }
    });
  });
}

function faultOf(error: unknown): Fault {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const root = cause instanceof PermanentError ? cause.cause : cause;
  return {
    code: error instanceof JobError ? error.code : null,
    message,
    isPermanent: cause instanceof PermanentError,
    cause: root === undefined ? null : String(root),
  };
}

function errorOf({ code, message, isPermanent, cause }: Fault): Error {
  const root = cause === null ? undefined : new Error(cause);
  const shown = isPermanent ? new PermanentError("the same would happen again", { cause: root }) : root;
  return code === null ? new Error(message, { cause: shown }) : new JobError(code, message, { cause: shown });
}
