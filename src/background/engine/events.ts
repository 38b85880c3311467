import { JobError } from "../core/errors.ts";
import { failureOf } from "../core/failure.ts";
import type { Store } from "../core/store.ts";
import { shown } from "../core/text.ts";
import { guarded } from "./guarded.ts";
import type { Logger } from "./logger.ts";
import { isObserved, type Observed, type ObservedQueue, observedQueue, observersOf } from "./observer.ts";
import { EVENT_NAMES, type EventName, type Listener, type QueueEvents } from "./queue-events.ts";
import { Repeats } from "./repeats.ts";

/** Listeners by event. An event without listeners costs one lookup; a listener that throws harms nothing else. */
export class Events {
  /** The arrays are replaced, never changed, since listeners may be added or removed while others are being called. */
  readonly #listeners = new Map<EventName, readonly Listener<EventName>[]>();
  readonly #logger: Logger;
  readonly #repeats = new Repeats();
  readonly #of: ObservedQueue;

  constructor(logger: Logger, store: Pick<Store, "name" | "place">) {
    this.#logger = logger;
    this.#of = observedQueue(store);
  }

  /**
   * Adds a listener; returns a function that removes it.
   *
   * @throws JobError `invalid_option`
   */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    if (!EVENT_NAMES.includes(name)) {
      throw new JobError(
        "invalid_option",
        `The event of on() must be one of ${EVENT_NAMES.join(", ")}, not ${shown(name)}.`,
      );
    }
    if (typeof listener !== "function") {
      throw new JobError("invalid_option", `The listener of on() must be a function, not ${shown(listener)}.`);
    }
    const own = ((event: QueueEvents[Name]) => listener(event)) as Listener<EventName>;
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), own]);
    return () => {
      const others = (this.#listeners.get(name) ?? []).filter((other) => other !== own);
      if (others.length > 0) this.#listeners.set(name, others);
      else this.#listeners.delete(name);
    };
  }

  has(name: EventName): boolean {
    return this.#listeners.has(name) || isObserved(name);
  }

  emit<Name extends EventName>(name: Name, event: QueueEvents[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) this.#call(name, listener, event);
    if (isObserved(name)) this.#tellObservers(name, event);
  }

  #tellObservers<Name extends EventName>(name: Name, event: QueueEvents[Name]): void {
    const observed: Observed<Name> = { ...event, ...this.#of };
    for (const observer of observersOf(name)) {
      const hear: unknown = observer[name];
      if (typeof hear === "function") this.#call(name, (told) => hear.call(observer, told), observed);
    }
  }

  /** Reports an error that no caller gets: to the log, unless repeated, and to listeners. */
  report(error: unknown): void {
    this.#logError(error);
    this.emit("error", { error });
  }

  /** Reports that the store can be reached again, after `downMs`. */
  recovered(downMs: number): void {
    this.#repeats.forget();
    this.#log("info", `The ${this.#of.queue} queue is working again after ${Math.round(downMs)} ms.`);
    this.emit("recovered", { downMs });
  }

  /** Warns an operator of something that belongs to no call. */
  warn(message: string): void {
    this.#log("warn", message);
  }

  /** Calls a listener, and reports what it throws, but only to the log if it listens to `error`. */
  #call<Event>(name: EventName, listener: (event: Event) => void, event: Event): void {
    guarded(
      () => listener(event),
      (error) => (name === "error" ? this.#logError(error) : this.report(error)),
    );
  }

  #logError(error: unknown): void {
    // In real time, even where a test moves the queue's clock: this limits how often the log is written to.
    if (this.#repeats.isNews(failureOf(error).message, performance.now())) this.#log("error", error);
  }

  /** A logger may be async too. Its failures are ignored, as there is nowhere left to report them. */
  #log(level: "info" | "warn" | "error", about: unknown): void {
    guarded(
      () => this.#logger[level](about),
      () => {},
    );
  }
}
