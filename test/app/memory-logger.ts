import type { Logger } from "../../src/background/engine/logger.ts";

/** Keeps what it is told. */
export interface MemoryLogger extends Logger {
  readonly errors: unknown[][];
}

export function memoryLogger(): MemoryLogger {
  const errors: unknown[][] = [];
  const nothing = (): void => {};
  return { errors, debug: nothing, info: nothing, warn: nothing, error: (...about) => void errors.push(about) };
}
