import { MAX_TRACE_BYTES } from "../core/limits.ts";
import type { ClaimedJob, Store } from "../core/store.ts";
import { guarded, isThenable } from "./guarded.ts";
import {
  type AttemptEnd,
  type AttemptSpan,
  type EnqueueSpan,
  type EnqueueSpanInit,
  isObserved,
  observedQueue,
  observersOf,
} from "./observer.ts";

type OnError = (error: unknown) => void;

/** The observers' spans around a call that stores jobs. */
export class EnqueueSpans {
  readonly #spans: readonly EnqueueSpan[];
  readonly #onError: OnError;
  /** The trace of the first observer that has one. */
  readonly trace: string | null;

  private constructor(init: EnqueueSpanInit, onError: OnError) {
    this.#onError = onError;
    this.#spans = openSpans(observersOf("enqueueing"), (one) => one.enqueueing(init), onError);
    this.trace =
      this.#spans.map((span) => guarded(() => checkedTrace(span.trace), onError)).find((one) => one != null) ?? null;
  }

  /** `null` where nobody observes. */
  static open(store: Store, task: string, count: number, onError: OnError): EnqueueSpans | null {
    if (!isObserved("enqueueing")) return null;
    const spans = new EnqueueSpans({ ...observedQueue(store), task, count }, onError);
    return spans.#spans.length > 0 ? spans : null;
  }

  /** Makes the call, and ends the spans with its result or error. */
  async around<T extends string | readonly string[]>(call: (trace: string | null) => Promise<T>): Promise<T> {
    try {
      const answer = await call(this.trace);
      this.end(typeof answer === "string" ? [answer] : answer, null);
      return answer;
    } catch (error) {
      this.end([], error);
      throw error;
    }
  }

  end(jobIds: readonly string[], error: unknown): void {
    for (const span of this.#spans) guarded(() => span.ended?.({ jobIds, error }), this.#onError);
  }
}

/** The observers' spans around an attempt. */
export class AttemptSpans {
  readonly #spans: readonly AttemptSpan[];
  readonly #onError: OnError;

  private constructor(store: Store, job: ClaimedJob, onError: OnError) {
    const { id, task, attempts, maxRetries, attemptedAt, runAt } = job;
    const trace = checkedTrace(job.trace);
    const about = { task, jobId: id, attempt: attempts, maxRetries, waitMs: attemptedAt - runAt, trace };
    const init = { ...observedQueue(store), ...about };
    this.#onError = onError;
    this.#spans = openSpans(observersOf("attempting"), (one) => one.attempting(init), onError);
  }

  /** `null` where nobody observes. */
  static open(store: Store, job: ClaimedJob, onError: OnError): AttemptSpans | null {
    if (!isObserved("attempting")) return null;
    const spans = new AttemptSpans(store, job, onError);
    return spans.#spans.length > 0 ? spans : null;
  }

  /** Makes the call within the observers' async contexts, exactly once whatever they do. */
  run<T>(call: () => T): T {
    const promised = () => {
      const answer = call();
      // However many await it: a query of some databases runs each time that its `then` is called.
      return isThenable(answer) ? (Promise.resolve(answer) as T) : answer;
    };
    return this.#spans.reduceRight<() => T>((inner, span) => () => this.#within(span, inner), promised)();
  }

  end(end: AttemptEnd): void {
    for (const span of this.#spans) guarded(() => span.ended?.(end), this.#onError);
  }

  /** Returns or throws what the call itself does, whatever the observer does; the observer's own errors are reported. */
  #within<T>(span: AttemptSpan, call: () => T): T {
    const once = onlyOnce(call);
    let isOver = false;
    guarded(
      // If the observer calls it later, it must not throw, as nothing would catch that.
      () => span.run?.(() => (isOver ? (undefined as T) : once())),
      (error) => this.#reportUnless(once, error),
    );
    isOver = true;
    return once();
  }

  async #reportUnless(once: () => unknown, error: unknown): Promise<void> {
    try {
      await once();
    } catch (own) {
      if (own === error) return;
    }
    this.#onError(error);
  }
}

/** Calls the function only once; every call returns or throws the same. */
function onlyOnce<T>(call: () => T): () => T {
  let again: (() => T) | undefined;
  return () => {
    if (again !== undefined) return again();
    try {
      const value = call();
      again = () => value;
    } catch (error) {
      again = () => {
        throw error;
      };
    }
    return again();
  };
}

/** The spans that observers open. */
function openSpans<O, Span>(
  observers: readonly O[],
  open: (observer: O) => Span | undefined,
  onError: OnError,
): Span[] {
  const spans: Span[] = [];
  for (const observer of observers) {
    const span = guarded(() => open(observer), onError);
    if (span !== undefined) spans.push(span);
  }
  return spans;
}

/** A trace comes from an observer or another process, and may be anything. */
function checkedTrace(trace: string | null | undefined): string | null {
  return typeof trace === "string" && trace !== "" && Buffer.byteLength(trace) <= MAX_TRACE_BYTES ? trace : null;
}
