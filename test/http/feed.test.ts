import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Feed } from "../../src/http/feed.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Watched {
  readonly feed: Feed;
  readonly onEnd: ReturnType<typeof vi.fn>;
  looks: number;
}

function watched(): Watched {
  const onEnd = vi.fn();
  const source = {
    poll: async (tell: (event: string, data: unknown) => void) => {
      tell("looked", ++scene.looks);
      return "all";
    },
  };
  const feed = new Feed({ source, everyMs: 500, onEnd, onError: () => {} });
  const scene: Watched = { feed, onEnd, looks: 0 };
  return scene;
}

test("a feed looks while somebody does and a while longer, so that one who comes back has missed nothing", async () => {
  const scene = watched();
  const first = await scene.feed.view(null, 60_000);
  expect(await first.next()).toContain("event: snapshot");
  await vi.advanceTimersByTimeAsync(500);
  const seen = await first.next();
  // The first look was the snapshot's.
  expect(seen).toContain("data: 2\n");
  first.leave();
  await vi.advanceTimersByTimeAsync(10_000);
  const [, id = ""] = /^id: (.*)$/m.exec(seen ?? "") ?? [];
  const again = await scene.feed.view(id, 60_000);
  expect(await again.next()).toContain("data: 3\n");
  // Whoever is there again is not sent away when the first one's time is over.
  await vi.advanceTimersByTimeAsync(10_000);
  expect(scene.onEnd).not.toHaveBeenCalled();
  again.leave();
  await vi.advanceTimersByTimeAsync(14_999);
  expect(scene.onEnd).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(scene.onEnd).toHaveBeenCalledTimes(1);
  const { looks } = scene;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(scene.looks).toBe(looks);
});

test("a poll that fails after the feed has ended is neither reported nor shown", async () => {
  const onError = vi.fn();
  const second = Promise.withResolvers<string>();
  const answers = [Promise.resolve("all"), second.promise];
  const feed = new Feed({
    source: { poll: () => answers.shift() as Promise<string> },
    everyMs: 500,
    onEnd: () => {},
    onError,
  });
  const viewer = await feed.view(null, 60_000);
  await viewer.next();
  await vi.advanceTimersByTimeAsync(500);
  expect(answers).toEqual([]);
  feed.end();
  second.reject(new Error("the queue was closed"));
  await vi.advanceTimersByTimeAsync(0);
  expect(await viewer.next()).toBeNull();
  expect(onError).not.toHaveBeenCalled();
});

test("leaving twice is leaving once", async () => {
  const scene = watched();
  const [one, other] = [await scene.feed.view(null, 1_000), await scene.feed.view(null, 1_000)];
  one.leave();
  one.leave();
  expect(scene.feed.viewers).toBe(1);
  other.leave();
  expect(scene.feed.viewers).toBe(0);
});

test("a hint brings the next look forward, and many hints make one", async () => {
  const scene = watched();
  const viewer = await scene.feed.view(null, 60_000);
  await vi.advanceTimersByTimeAsync(500);
  expect(scene.looks).toBe(2);
  for (let hint = 0; hint < 100; hint++) scene.feed.hint();
  await vi.advanceTimersByTimeAsync(200);
  expect(scene.looks).toBe(3);
  viewer.leave();
});

test("nothing for a while is told as such, so that the connection is kept", async () => {
  const scene = watched();
  const viewer = await scene.feed.view(null, 300);
  await viewer.next();
  const idle = viewer.next();
  await vi.advanceTimersByTimeAsync(300);
  expect(await idle).toBe("");
  viewer.leave();
});
