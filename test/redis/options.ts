import type { RedisStoreOptions } from "../../src/background/stores/redis/store.ts";

/** Options for the store under test: no replicas, and a server that must not evict keys. */
export function storeOptions(
  own: Pick<RedisStoreOptions, "connect" | "prefix"> & Partial<RedisStoreOptions>,
): RedisStoreOptions {
  return { where: "the test's", clock: null, replicas: 0, isEvictionAllowed: false, ...own };
}
