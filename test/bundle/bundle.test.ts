import { fileURLToPath } from "node:url";
import { build } from "vite";
import { describe, expect, test } from "vitest";
import { start } from "../examples/program.ts";
import { ownRedis } from "../redis/own-redis.ts";
import { isWithoutRedis } from "../redis/program.ts";
import { ownFolder } from "../stores/folder.ts";

const folder = ownFolder();
const source = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const redis = ownRedis();

/** All that the program needs in one file, far from this package; the format as bundlers call it. */
async function bundled(format: string): Promise<string> {
  const file = `program.${format === "es" ? "mjs" : "cjs"}`;
  await build({
    configFile: false,
    logLevel: "silent",
    resolve: { alias: [{ find: /^rapidai(\/.+)?$/, replacement: `${source("../../src")}$1/index.ts` }] },
    ssr: { noExternal: true },
    build: {
      ssr: source("programs/uses.ts"),
      outDir: folder,
      emptyOutDir: false,
      target: "node22",
      rolldownOptions: { output: { format: format as "es", entryFileNames: file, codeSplitting: false } },
    },
  });
  return `${folder}/${file}`;
}

describe.each(["es", "cjs"])("in a program bundled to one file, %s,", (format) => {
  test("all works that takes no thread, and what does says what to do", { timeout: 60_000 }, async () => {
    const args = [await bundled(format), folder, ...(isWithoutRedis ? [] : [redis.url])];
    const { stdout } = await start(process.execPath, args, {}, undefined, folder).ended;
    const lines = Object.fromEntries(stdout.split("\n").map((line) => line.split(/: (.*)/, 2)));
    const external = "leave rapidai out of the bundle (external)";
    expect(lines).toEqual({
      memory: "42",
      sqlite: "42",
      "sqlite on a thread": expect.stringMatching(
        /^backend_unavailable .* SqliteQueue needs a thread, but its program /,
      ),
      ...(isWithoutRedis ? {} : { redis: "42" }),
      app: "200,200,200",
      model: expect.stringMatching(/^llm_failed /),
      metrics: "true",
      text: "Cats purr.",
      html: expect.stringMatching(/^backend_unavailable Reading documents other than text needs a thread/),
      vectors: expect.stringMatching(/^backend_unavailable sqliteVectors\(\) needs a thread/),
      "": undefined,
    });
    expect(lines["sqlite on a thread"]).toContain(`${external}, or set thread: false.`);
    for (const name of ["html", "vectors"]) expect(lines[name]).toContain(`${external}.`);
  });
});
