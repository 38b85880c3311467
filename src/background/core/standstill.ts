/** A timer that fires later than this, in milliseconds, means that the process itself stood still. */
export const STANDSTILL_MS = 100;
/** How long, in milliseconds, a process that stood still gets to read an answer that may have arrived in the meantime. */
export const READ_MS = 500;
