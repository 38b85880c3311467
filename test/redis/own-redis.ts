import { afterAll, beforeAll } from "vitest";
import { isWithoutRedis } from "./program.ts";
import { type RedisProcess, startRedis } from "./server.ts";

/** A server of a test file's own, or of a `describe`'s, there while its tests run; empty where they run without Redis. */
export function ownRedis(settings?: Readonly<Record<string, string>>): RedisProcess {
  const own = {} as RedisProcess;
  beforeAll(async () => {
    if (!isWithoutRedis) Object.setPrototypeOf(own, await startRedis(settings));
  });
  afterAll(() => own.stop?.());
  return own;
}
