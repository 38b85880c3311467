import { InMemoryQueue } from "rapidai/background";
import { expect, onTestFinished, test, vi } from "vitest";
import { apiSettings } from "../../src/http/api-options.ts";
import { ORIGIN } from "./scene.ts";

test("limits that are left out are as the guide has them", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const queue = new InMemoryQueue({ worker: false });
  const { guard, ...settings } = apiSettings({ queue });
  expect(settings).toMatchObject({
    bodyLimit: 2 * 1_048_576,
    timeoutMs: 10_000,
    viewers: 200,
    pages: { searched: 1_000, searchMs: 50, pageSize: 4 * 1_048_576 },
  });
  const status = () =>
    guard.check(new Request(`${ORIGIN}/counts`), "read").then(
      () => 200,
      (error) => error.status,
    );
  for (let n = 0; n < 200; n++) expect(await status()).toBe(200);
  expect(await status()).toBe(429);
  vi.advanceTimersByTime(19);
  expect(await status()).toBe(429);
  vi.advanceTimersByTime(2);
  expect(await status()).toBe(200);
});
