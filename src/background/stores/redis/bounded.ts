import { READ_MS, STANDSTILL_MS } from "../../core/standstill.ts";

/**
 * Rejects with what `onLate` returns if the promise takes longer than `withinMs`. The timer keeps the process alive if `isHeld`.
 */
export function bounded<T>(
  promise: Promise<T>,
  withinMs: number,
  onLate: () => Error = () => new Error(`it did not answer within ${Math.round(withinMs)} ms`),
  isHeld = true,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const dueAt = performance.now() + withinMs;
    let timer: NodeJS.Timeout;
    let isSettled = false;
    const arm = (ms: number, callback: () => void) => {
      timer = setTimeout(callback, ms);
      if (!isHeld) timer.unref();
    };
    const end = () => {
      if (!isSettled) reject(onLate());
    };
    arm(withinMs, () => {
      if (performance.now() > dueAt + STANDSTILL_MS) arm(READ_MS, end);
      // Timers fire before sockets are read: even now, an answer may be waiting there.
      else setImmediate(end);
    });
    const settled = () => {
      isSettled = true;
      clearTimeout(timer);
    };
    promise.then(
      (value) => {
        settled();
        resolve(value);
      },
      (error) => {
        settled();
        reject(error);
      },
    );
  });
}

/** When to give up trying, in milliseconds of `performance.now()`. Extended once if the process stood still meanwhile. */
export class Deadline {
  endsAt: number;
  #isProlonged = false;

  constructor(withinMs: number) {
    this.endsAt = performance.now() + withinMs;
  }

  /** Reports a failed try. If its timeout fired late, the answer may have arrived unread, so that one more try is due. */
  failed(waitedUntil: number = this.endsAt): void {
    if (this.#isProlonged || performance.now() <= waitedUntil + STANDSTILL_MS) return;
    this.#isProlonged = true;
    this.endsAt = performance.now() + READ_MS;
  }
}
