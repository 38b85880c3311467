import { JobError } from "../background/core/errors.ts";

export interface CallLimitInit {
  readonly model: string;
  /** Any of them ends the call. */
  readonly signals: readonly (AbortSignal | undefined)[];
  readonly timeoutMs: number;
  /** Called first of all, while the job at hand still listens. */
  readonly onAbort: (reason: unknown) => void;
}

/**
 * What ends a call before its time: a signal, or too long a wait. `AbortSignal.any` would do, but a job's signal may see
 * thousands of calls, and what listens to it must go with each.
 */
export class CallLimit {
  readonly #controller = new AbortController();
  readonly #init: CallLimitInit;
  readonly #timer: NodeJS.Timeout;
  #isHeld = false;
  readonly #listener = (event: Event): void => this.#abort((event.target as AbortSignal).reason);

  constructor(init: CallLimitInit) {
    this.#init = init;
    // The connection keeps the process alive; this need not.
    this.#timer = setTimeout(() => this.#runOut(), init.timeoutMs).unref();
    for (const signal of init.signals) {
      if (signal?.aborted) this.#abort(signal.reason);
      else signal?.addEventListener("abort", this.#listener);
    }
  }

  /** For whatever does the call. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Nothing is waited for until {@link renew}. */
  hold(): void {
    this.#isHeld = true;
  }

  /** A sign of life: the wait begins anew. */
  renew(): void {
    this.#isHeld = false;
    this.#timer.refresh();
  }

  /** The call is over. Whatever of it still goes on is ended. */
  release(): void {
    clearTimeout(this.#timer);
    for (const signal of this.#init.signals) signal?.removeEventListener("abort", this.#listener);
    if (!this.signal.aborted) this.#controller.abort();
  }

  #runOut(): void {
    if (!this.#isHeld) this.#abort(tookTooLong(this.#init));
  }

  #abort(reason: unknown): void {
    if (this.signal.aborted) return;
    this.#init.onAbort(reason);
    this.#controller.abort(reason);
  }
}

function tookTooLong({ model, timeoutMs }: CallLimitInit): JobError {
  return new JobError(
    "llm_timeout",
    `${model} did not answer within ${timeoutMs} ms: try again later, or set the timeout option of LLM higher.`,
  );
}
