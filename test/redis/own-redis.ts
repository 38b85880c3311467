import { afterAll, beforeAll } from "vitest";
import { isWithoutRedis } from "./program.ts";
import { type RedisProcess, startRedis } from "./server.ts";

/** A server for one test file or `describe`, running while its tests do; an empty object if there is no Redis. */
export function ownRedis(settings?: Readonly<Record<string, string>>): RedisProcess {
  const own = {} as RedisProcess;
  beforeAll(async () => {
    if (!isWithoutRedis) Object.setPrototypeOf(own, await startRedis(settings));
  });
  afterAll(() => own.stop?.());
  return own;
}
