import { describe, expect, test } from "vitest";
import { addressFault, sentinelsOf } from "../../../../src/background/stores/redis/address.ts";

describe("a sentinel url", () => {
  const LEAST = { name: "main", database: 0, isTls: false };

  test.each([
    ["redis+sentinel://one/main", { ...LEAST, nodes: [{ host: "one", port: 26379 }] }],
    ["rediss+sentinel://one/main/", { ...LEAST, nodes: [{ host: "one", port: 26379 }], isTls: true }],
    [
      "Redis+Sentinel://app:a%2Fb%40c@one:1,10.0.0.2:2,[::1]/my%20primary/3",
      {
        ...LEAST,
        nodes: [
          { host: "one", port: 1 },
          { host: "10.0.0.2", port: 2 },
          { host: "::1", port: 26379 },
        ],
        name: "my primary",
        username: "app",
        password: "a/b@c",
        database: 3,
      },
    ],
    ["redis+sentinel://:a@b@one/main", { ...LEAST, nodes: [{ host: "one", port: 26379 }], password: "a@b" }],
  ])("is parsed into everything that a connection needs: %s", (url, said) => {
    expect(sentinelsOf(url)).toEqual(said);
    expect(addressFault(url)).toBeUndefined();
  });

  test.each([
    "redis+sentinel://",
    "redis+sentinel://one",
    "redis+sentinel://one/",
    "redis+sentinel://one,/main",
    "redis+sentinel://one:port/main",
    "redis+sentinel://one:70000/main",
    "redis+sentinel://one/main/first",
    "redis+sentinel://one/%",
    "redis+sentinel://one/main?database=1",
    "redis+sentinel://app:a/b@one/main",
    "redis+sentinel://app:1/b@one/main",
  ])("that is malformed is refused with the correct form: %s", (url) => {
    expect(sentinelsOf(url)).toBeUndefined();
    expect(addressFault(url)).toMatch(/redis\+sentinel:\/\/user:password@host:port,host:port\/name/);
  });
});

test.each(["redis://one", "rediss://app:sec%23ret@one:1/2", "redis://[::1]:6379/"])(
  "%s is a valid url of a server, not of sentinels",
  (url) => {
    expect(addressFault(url)).toBeUndefined();
    expect(sentinelsOf(url)).toBeUndefined();
  },
);

test.each([
  "redis://one:port",
  "redis://one/first",
  "redis://one/1/2",
  "redis://one?db=1",
  "redis://:a/b@one",
  "redis://:a@b?c@one",
  "redis://:a@b#c@one",
  "redis://:50%@one",
])("a server's url that is malformed, or not used in full, is refused with the correct form: %s", (url) => {
  expect(addressFault(url)).toMatch(/redis:\/\/user:password@host:port\/database .*encodeURIComponent/);
});

test.each(["", "one:6379", "http://one", "redis+cluster://one", "redis:one", undefined, null, 6379])(
  "%j is not an address of Redis",
  (url) => {
    expect(addressFault(url)).toMatch(/^not a redis:\/\/ or rediss:\/\/ address$/);
  },
);
