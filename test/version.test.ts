import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { VERSION } from "../src/background/engine/version.ts";

test("the version in the sources is the package's", async () => {
  const manifest = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  expect(VERSION).toBe(manifest.version);
});
