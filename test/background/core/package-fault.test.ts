import { describe, expect, test } from "vitest";
import { packageFault } from "../../../src/background/core/package-fault.ts";

describe("a package that cannot be imported", () => {
  test("is to be installed if it is not there", () => {
    const missing = Object.assign(new Error("Cannot find package 'redis'"), { code: "ERR_MODULE_NOT_FOUND" });
    expect(packageFault("RedisQueue", ["redis"], missing)).toBe(
      "RedisQueue needs the package redis: npm install redis",
    );
  });

  test("is to be left out of a bundle if it is there, and the reason is told", () => {
    const broken = new Error('Dynamic require of "events" is not supported');
    expect(packageFault("RedisQueue", ["redis"], broken)).toBe(
      'RedisQueue needs the package redis, which cannot be loaded (Dynamic require of "events" is not supported): if this is a bundle, leave the package out of it (external).',
    );
  });
});
