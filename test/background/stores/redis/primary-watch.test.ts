import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Node } from "../../../../src/background/stores/redis/address.ts";
import type { Connection } from "../../../../src/background/stores/redis/connection.ts";
import { watchPrimary } from "../../../../src/background/stores/redis/primary-watch.ts";

const SENTINELS: readonly Node[] = [1, 2, 3].map((port) => ({ host: "sentinel", port }));

/** A connection to a sentinel. */
interface Heard {
  readonly port: number;
  isOpen: boolean;
  readonly onBroken: () => void;
  announce(message: string): void;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Each connection subscribes as `subscribing` does. */
function watch(subscribing: () => Promise<void> = async () => {}) {
  const dialled: Heard[] = [];
  const dial = async ({ port }: Node, onBroken: () => void) => {
    const heard: Heard = { port, isOpen: true, onBroken, announce: () => {} };
    dialled.push(heard);
    const subscribe = (_channel: string, listener: (message: string) => void) => {
      heard.announce = listener;
      return subscribing();
    };
    // As with the package, it ends at once.
    const destroy = () => {
      if (!heard.isOpen) return;
      heard.isOpen = false;
      onBroken();
    };
    return { subscribe, destroy } as unknown as Connection;
  };
  const onSwitched = vi.fn();
  const end = watchPrimary("main", SENTINELS, dial, onSwitched);
  return { dialled, onSwitched, end };
}

test("only a switch of the primary of this name counts", async () => {
  const { dialled, onSwitched } = watch();
  await vi.advanceTimersByTimeAsync(0);
  dialled[0]?.announce("other 10.0.0.1 6379 10.0.0.2 6379");
  expect(onSwitched).not.toHaveBeenCalled();
  dialled[0]?.announce("main 10.0.0.1 6379 10.0.0.3 6380");
  expect(onSwitched).toHaveBeenCalledExactlyOnceWith({ host: "10.0.0.3", port: 6380 });
});

test("if a sentinel is gone, the next one is listened to, until the watch ends", async () => {
  const { dialled, end } = watch();
  for (let gone = 0; gone < 3; gone++) {
    await vi.advanceTimersByTimeAsync(1_000);
    dialled.at(-1)?.onBroken();
  }
  await vi.advanceTimersByTimeAsync(1_000);
  expect(new Set(dialled.slice(0, 3).map(({ port }) => port)).size).toBe(3);
  expect(dialled.map(({ isOpen }) => isOpen)).toEqual([false, false, false, true]);
  end();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(dialled.map(({ isOpen }) => isOpen)).toEqual([false, false, false, false]);
});

test("a watch that ends while it connects leaves no connection behind", async () => {
  const { dialled, end } = watch();
  end();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(dialled.map(({ isOpen }) => isOpen)).toEqual([false]);
});

test("a sentinel that does not let the user subscribe is not asked again and again", async () => {
  const { dialled } = watch(() => Promise.reject(new Error("NOPERM this user has no permissions")));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(dialled.map(({ isOpen }) => isOpen)).toEqual([false]);
});

test("a sentinel that hangs is replaced by one other", async () => {
  const { dialled, end } = watch(() => (dialled.length === 1 ? new Promise<void>(() => {}) : Promise.resolve()));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(dialled.map(({ isOpen }) => isOpen)).toEqual([false, true]);
  end();
  expect(dialled.map(({ isOpen }) => isOpen)).toEqual([false, false]);
});
