import type { JobQueue } from "../background/engine/queue.ts";

const calls: WeakMap<JobQueue, Set<() => void>> = new WeakMap();

/**
 * Calls back when the queue is closed, unless the returned function was called before. Reactions to `queue.closed` itself
 * cannot be removed: they would pile up in a program that creates an API for each request.
 */
export function whenClosed(queue: JobQueue, call: () => void): () => void {
  const ofQueue = calls.get(queue) ?? newCalls(queue);
  // A function of its own, so that the same call can be added twice.
  const own = () => call();
  ofQueue.add(own);
  return () => void ofQueue.delete(own);
}

function newCalls(queue: JobQueue): Set<() => void> {
  const ofQueue = new Set<() => void>();
  calls.set(queue, ofQueue);
  void queue.closed.then(() => {
    for (const call of [...ofQueue]) call();
  });
  return ofQueue;
}
