import { describe, expect, test } from "vitest";
import { packageFault } from "../../../src/background/core/package-fault.ts";

describe("a package that cannot be imported", () => {
  test("has to be installed if it is missing", () => {
    const missing = Object.assign(new Error("Cannot find package 'redis'"), { code: "ERR_MODULE_NOT_FOUND" });
    expect(packageFault("RedisQueue", ["redis"], missing)).toBe(
      "RedisQueue needs the package redis: npm install redis",
    );
  });

  test("has to be left out of the bundle if it is there, and the message has the reason", () => {
    const broken = new Error('Dynamic require of "events" is not supported');
    expect(packageFault("RedisQueue", ["redis"], broken)).toBe(
      'RedisQueue needs the package redis, which cannot be loaded (Dynamic require of "events" is not supported): if this is a bundle, leave the package out of it (external).',
    );
  });
});
