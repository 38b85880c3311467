import type { RedisStoreOptions } from "../../src/background/stores/redis/store.ts";

/** What tests of the store have in common: one server's word counts, and it must not remove keys. */
export function storeOptions(
  own: Pick<RedisStoreOptions, "connect" | "prefix"> & Partial<RedisStoreOptions>,
): RedisStoreOptions {
  return { where: "the test's", clock: null, replicas: 0, isEvictionAllowed: false, ...own };
}
