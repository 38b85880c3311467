import type { Store } from "../../src/background/core/store.ts";

/** Two stores of the same jobs as one: each call goes to one of them, as if from two processes; `begin` shifts their turns. */
export function takingTurns(first: Store, second: Store, begin = 0): Store {
  let calls = begin;
  const next = () => (isOdd(calls++) ? second : first);
  return {
    name: first.name,
    isDurable: first.isDurable,
    isRemote: first.isRemote,
    open: async () => {
      await first.open();
      await second.open();
    },
    close: async () => {
      await first.close();
      await second.close();
    },
    enqueue: (jobs) => next().enqueue(jobs),
    claim: (request) => next().claim(request),
    heartbeat: (request) => next().heartbeat(request),
    settle: (settlements) => next().settle(settlements),
    cancel: (requests) => next().cancel(requests),
    retry: (requests) => next().retry(requests),
    get: (ids, options) => next().get(ids, options),
    list: (filter) => next().list(filter),
    count: () => next().count(),
    next: (lanes) => next().next(lanes),
    prune: (request) => next().prune(request),
    describe: () => next().describe(),
    subscribe: (kind, listener) => next().subscribe(kind, listener),
  };
}

/** Whether a number has an odd count of one bits: turns without a period, so that no kind of call always meets the same store. */
function isOdd(number: number): boolean {
  let isOdd = false;
  for (let rest = number; rest > 0; rest >>= 1) if (rest & 1) isOdd = !isOdd;
  return isOdd;
}
