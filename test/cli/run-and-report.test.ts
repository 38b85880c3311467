import { expect, test } from "vitest";
import { runAndReport } from "../../src/cli/run-and-report.ts";

const { signal } = new AbortController();

test("what is done to many jobs is told of however it ended, before the error that cut it off is", async () => {
  const told: string[] = [];
  const ended = (interrupted: AbortSignal, act: () => Promise<void>) =>
    runAndReport(interrupted, act, (end) => told.push(end));
  await ended(signal, async () => {});
  await ended(AbortSignal.abort(), async () => {});
  const away = new Error("away");
  await expect(ended(signal, () => Promise.reject(away))).rejects.toBe(away);
  await expect(ended(AbortSignal.abort(), () => Promise.reject(away))).rejects.toBe(away);
  expect(told).toEqual(["", ", then interrupted", ", then cut off", ", then cut off"]);
});
