/** A reply of Redis, of the same form in both protocols. */
export type Reply = string | number | null | readonly Reply[];

/** One connection to Redis; never reused once broken. */
export interface Connection {
  /** Sends a command; `key` selects the node of a cluster. */
  send(key: string, args: readonly string[]): Promise<Reply>;
  /** Sends commands one after another on one connection. */
  sendAll(key: string, list: readonly (readonly string[])[]): Promise<readonly Reply[]>;
  subscribe(channel: string, listener: (message: string) => void): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  /** Sets whether the connection keeps the process alive. */
  keepAlive(isNeeded: boolean): void;
  destroy(): void;
}

/** Opens a connection; calls back when it breaks. */
export interface Connect {
  (onBroken: (error: unknown) => void): Promise<Connection>;
  /** Loads what connecting needs, ahead of any timeout: loading time must not count as silence of the server. */
  prepare(): Promise<unknown>;
  /** Makes the next connection go to the node that a `MOVED` error names. */
  follow?(error: unknown): void;
  /** Gives up the connections that are being made. */
  giveUp?(): void;
  /** The number of the database, if known; default 0. */
  readonly database?: number;
}
