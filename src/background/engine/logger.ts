/** Gets a queue's messages for an operator; `console` and pino fit. By default nothing is logged. */
export interface Logger {
  debug(...about: unknown[]): void;
  info(...about: unknown[]): void;
  warn(...about: unknown[]): void;
  error(...about: unknown[]): void;
}

const nothing = (): void => {};

export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
