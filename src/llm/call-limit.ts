import { JobError } from "../background/core/errors.ts";

export interface CallLimitInit {
  readonly model: string;
  /** Aborting any of these ends the call. */
  readonly signals: readonly (AbortSignal | undefined)[];
  readonly timeoutMs: number;
  /** Called before the call's own signal is aborted, while the job still accepts usage. */
  readonly onAbort: (reason: unknown) => void;
}

/**
 * Ends a call early: when a signal is aborted, or when the answer takes too long. `AbortSignal.any` is not used because
 * a job's signal may serve thousands of calls, and each call's listener has to be removed with the call.
 */
export class CallLimit {
  readonly #controller = new AbortController();
  readonly #init: CallLimitInit;
  readonly #timer: NodeJS.Timeout;
  #isPaused = false;
  readonly #listener = (event: Event): void => this.#abort((event.target as AbortSignal).reason);

  constructor(init: CallLimitInit) {
    this.#init = init;
    // The call's connection keeps the process alive; the timer need not.
    this.#timer = setTimeout(() => this.#runOut(), init.timeoutMs).unref();
    for (const signal of init.signals) {
      if (signal?.aborted) this.#abort(signal.reason);
      else signal?.addEventListener("abort", this.#listener);
    }
  }

  /** The signal to make the call with. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Suspends the timeout until {@link renew}: the provider is not being waited for. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Restarts the timeout: the provider has sent something, or is being waited for again. */
  renew(): void {
    this.#isPaused = false;
    this.#timer.refresh();
  }

  /** The call is over: removes the listeners, and aborts whatever of it is still in progress. */
  release(): void {
    clearTimeout(this.#timer);
    for (const signal of this.#init.signals) signal?.removeEventListener("abort", this.#listener);
    if (!this.signal.aborted) this.#controller.abort();
  }

  #runOut(): void {
    if (!this.#isPaused) this.#abort(tookTooLong(this.#init));
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
    `${model} did not answer within ${timeoutMs} ms: try again later, or raise the timeout option of LLM.`,
  );
}
