/** Where a queue writes what an operator should know; pino's shape, and console's. Quiet by default. */
export interface Logger {
  debug(...about: unknown[]): void;
  info(...about: unknown[]): void;
  warn(...about: unknown[]): void;
  error(...about: unknown[]): void;
}

const nothing = (): void => {};

export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
