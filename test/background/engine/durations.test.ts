import { expect, test, vi } from "vitest";
import { Durations } from "../../../src/background/engine/durations.ts";
import { systemClock } from "../../../src/background/engine/system-clock.ts";
import { MemoryStore } from "../../../src/background/stores/memory/store.ts";
import { HandClock } from "../../../src/testing/conformance/hand-clock.ts";
import { Scene, TASK } from "../../../src/testing/conformance/scene.ts";

test("how long a task takes is read from the store once in five seconds, and without the jobs' results", async () => {
  const clock = new HandClock();
  const store = new MemoryStore({ clock });
  await store.open();
  const scene = new Scene(store, clock);
  const { id, token } = await scene.start(1);
  clock.move(700);
  await scene.settle({ id, token }, { result: '"large"' });
  const list = vi.spyOn(store, "list");
  const durations = new Durations(store, { ...systemClock, now: () => clock.now() });
  const answers = await Promise.all([durations.usualMs(TASK), durations.usualMs(TASK)]);
  clock.move(4_999);
  answers.push(await durations.usualMs(TASK));
  expect(answers).toEqual([700, 700, 700]);
  expect(list).toHaveBeenCalledOnce();
  clock.move(1);
  await durations.usualMs(TASK);
  expect(list).toHaveBeenCalledTimes(2);
  const records = await Promise.all(list.mock.results.map(({ value }) => value));
  expect(records.flat().map(({ result }) => result)).toEqual([null, null]);
});

test("how long tasks take is remembered for at most a thousand of them", async () => {
  const store = new MemoryStore({ clock: new HandClock() });
  await store.open();
  const list = vi.spyOn(store, "list");
  const durations = new Durations(store, { ...systemClock, now: () => 0 });
  for (let task = 0; task <= 1_000; task++) await durations.usualMs(`task-${task}`);
  await durations.usualMs("task-1000");
  expect(list).toHaveBeenCalledTimes(1_001);
  await durations.usualMs("task-0");
  expect(list).toHaveBeenCalledTimes(1_002);
});
