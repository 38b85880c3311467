/** A queue as a test's clock sees it: something that may still have work to do at this instant. */
export interface ClockMember {
  /** Whether nothing is being stored, claimed, settled or due, handlers left aside. */
  isSettled(): boolean;
  /** The jobs whose handlers are running now, for the sentence that says what a test waits for. */
  runningJobs(): readonly string[];
}

/** Tells the time: all that a store needs of a clock. */
export interface TimeSource {
  /** Milliseconds since 1970-01-01 UTC. */
  now(): number;
}

/** Where a queue takes its time from: the system's clock, or one that a test moves by hand. Only the engine sets timers. */
export interface Clock extends TimeSource {
  /**
   * Calls back once `delayMs` have passed, however long that is; returns what takes it back. Never keeps the process alive.
   *
   * @param slackMs how much later will do while no job runs: a clock that is moved by hand over days need not stop each time
   */
  after(delayMs: number, callback: () => void, slackMs?: number): () => void;
  /** A queue that runs on this clock says so, and gets back what takes it away. */
  join(member: ClockMember): () => void;
}
