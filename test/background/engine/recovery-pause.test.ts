import { ManualClock } from "rapidai/testing";
import { expect, test } from "vitest";
import { RecoveryPause } from "../../../src/background/engine/recovery-pause.ts";

test.each([
  ["half of the lease", 30_000, 15_000],
  ["six seconds, with a lease of ten", 10_000, 6_000],
])("after an outage of %s, but not after a shorter one, lost jobs are left alone", async (_, leaseMs, outageMs) => {
  const clock = new ManualClock();
  const pause = new RecoveryPause(clock, leaseMs);
  const isOnAfter = async (ms: number) => {
    pause.answered();
    await clock.advance(ms);
    pause.beginIfLong();
    return pause.isOn;
  };
  expect(await isOnAfter(outageMs - 1)).toBe(false);
  expect(await isOnAfter(outageMs)).toBe(true);
});

test("lost jobs are left alone for seven seconds, counted from the latest claim that failed", async () => {
  const clock = new ManualClock();
  const pause = new RecoveryPause(clock, 30_000);
  pause.begin();
  await clock.advance(4_000);
  pause.begin();
  await clock.advance(6_999);
  expect(pause.isOn).toBe(true);
  await clock.advance(1);
  expect(pause.isOn).toBe(false);
});
