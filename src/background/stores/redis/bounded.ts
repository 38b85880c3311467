/** A timer that is late by more than this tells that this process stood still. */
const STOOD_STILL_MS = 100;
/** For how long an answer may take to be read then, which may have come meanwhile. */
const READ_MS = 500;

/**
 * The promise, which fails when it takes longer: with what `onLate` returns. The process lives until then, unless it is not held.
 */
export function bounded<T>(
  promise: Promise<T>,
  withinMs: number,
  onLate: () => Error = () => new Error(`it gave no answer within ${withinMs} ms`),
  isHeld = true,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const dueAt = performance.now() + withinMs;
    let timer: NodeJS.Timeout;
    const arm = (ms: number, callback: () => void) => {
      timer = setTimeout(callback, ms);
      if (!isHeld) timer.unref();
    };
    const end = () => reject(onLate());
    arm(withinMs, () => {
      if (performance.now() > dueAt + STOOD_STILL_MS) arm(READ_MS, end);
      else end();
    });
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/** Until when something is tried, in milliseconds of `performance.now()`: once for longer where this process stood still meanwhile. */
export class Deadline {
  endsAt: number;
  #isProlonged = false;

  constructor(withinMs: number) {
    this.endsAt = performance.now() + withinMs;
  }

  /** A try failed that was to end by then. Where it took longer, what it waited for may have come, and was timed out all the same. */
  failed(waitedUntil: number = this.endsAt): void {
    if (this.#isProlonged || performance.now() <= waitedUntil + STOOD_STILL_MS) return;
    this.#isProlonged = true;
    this.endsAt = performance.now() + READ_MS;
  }
}
