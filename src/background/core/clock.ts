/** A queue as a test's clock sees it: it may still have work to do at the current instant. */
export interface ClockMember {
  /** Whether nothing is being stored, claimed or settled and nothing is due, running handlers aside. */
  isSettled(): boolean;
  /** The jobs whose handlers are running, for the message that says what a test waits for. */
  runningJobs(): readonly { readonly id: string; readonly task: string }[];
}

/** Tells the time: all that a store needs of a clock. */
export interface TimeSource {
  /** Milliseconds since 1970-01-01 UTC. */
  now(): number;
}

/** Where a queue takes its time from: the system's clock, or one that a test moves by hand. Only the engine sets timers. */
export interface Clock extends TimeSource {
  /**
   * Calls back once `delayMs` have passed, however long; returns what cancels it. Never keeps the process alive.
   *
   * @param slackMs how much later is acceptable while no job runs: a clock moved by hand over days then stops less often
   */
  after(delayMs: number, callback: () => void, slackMs?: number): () => void;
  /** Registers a queue that runs on this clock. Returns a function that removes it. */
  join(member: ClockMember): () => void;
}
