import { glob, readFile } from "node:fs/promises";
import { posix } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { circularOf, type Import, importsOf, withoutComments } from "./imports.ts";

const SRC = new URL("../src/", import.meta.url);
const sources = new Map<string, string>();

beforeAll(async () => {
  for await (const file of glob("**/*.ts", { cwd: SRC }))
    sources.set(file.replaceAll("\\", "/"), await readFile(new URL(file, SRC), "utf8"));
});

const all = (): Import[] => [...sources].flatMap(([file, source]) => importsOf(file, source));
const isOurs = ({ specifier }: Import): boolean => specifier.startsWith(".");
const within = (folder: string, path: string): boolean => path.startsWith(`${folder}/`);

/** The parts, from the outermost to the product, as ARCHITECTURE.md lists them. Imports go down this list. */
const PARTS = ["testing", "cli", "http", "monitoring", "app", "llm", "rag", "background"];

const partOf = (path: string): number => PARTS.indexOf(path.split("/")[0] ?? "");

/** Packages that a part of `background` may import, and how. Whatever is not here is not for every user to install. */
function mayImportPackage({ from, to, kind }: Import): boolean {
  if (to === "@standard-schema/spec") return kind === "type" && !within("background/core", from);
  // Not in every runtime, and loaded with the store that needs it; its types cost nothing.
  if (to === "node:sqlite")
    return within("background/stores/sqlite", from) || (kind === "type" && !within("background/core", from));
  if (within("background/core", from)) return to === "devalue";
  if (to.startsWith("node:")) return true;
  if (to === "uuid") return within("background/engine", from);
  // The client is loaded when a queue is, and may be missing until then.
  if (to === "redis") return within("background/stores/redis", from) && kind !== "value";
  return false;
}

function mayImportFile({ from, to }: Import): boolean {
  if (within("background/core", from)) return within("background/core", to);
  if (within("background/engine", from)) return within("background/core", to) || within("background/engine", to);
  const store = /^background\/stores\/[^/]+/.exec(from)?.[0];
  if (store !== undefined) return within("background/core", to) || within(store, to);
  return within("background", to);
}

/** A leaf over packages that may be missing: it knows the product and itself, and loads them when they are used. */
function mayLlmImport(each: Import): boolean {
  if (isOurs(each)) return within("background", each.to) || within("llm", each.to);
  return each.to.startsWith("node:") || (/^(ai$|@ai-sdk\/)/.test(each.to) && each.kind !== "value");
}

function mayImport(each: Import): boolean {
  if (isOurs(each) && partOf(each.to) < partOf(each.from)) return false;
  if (within("llm", each.from)) return mayLlmImport(each);
  return !within("background", each.from) || (isOurs(each) ? mayImportFile(each) : mayImportPackage(each));
}

/** What breaks the rules of the layers, as sentences. */
function violationsIn(imports: readonly Import[]): string[] {
  return imports
    .filter((each) => !mayImport(each))
    .map(({ from, specifier, kind }) => `${from} imports ${specifier} (${kind})`);
}

const FORBIDDEN_NAMES =
  /(^|\/)(types|utils?|helpers?|interfaces|common|misc|shared)\.ts$|(manager|utils?|helpers?)\.ts$/i;

function misnamedIn(files: Iterable<string>): string[] {
  return [...files].filter((file) => {
    const isBarrel = file.endsWith("/index.ts") && file.split("/").length > 2;
    return isBarrel || FORBIDDEN_NAMES.test(file) || !/^[a-z0-9/.-]+$/.test(file);
  });
}

/** Files that have nothing but what is another's, index.ts of an entry aside. */
function barrelsIn(files: ReadonlyMap<string, string>): string[] {
  return [...files.keys()].filter((file) => {
    const rest = withoutComments(files.get(file) as string).replace(/export\s[^;]*?\sfrom\s*"[^"]+";?/g, "");
    return rest.trim() === "" && !/^([^/]+\/)?index\.ts$/.test(file);
  });
}

describe("the sources", () => {
  test("core imports core and devalue alone, engines core, stores core and themselves, and no part one further out", () => {
    expect(violationsIn(all())).toEqual([]);
  });

  test("the parts stand in ARCHITECTURE.md from the outermost to the product, each of them once", async () => {
    const page = await readFile(new URL("../ARCHITECTURE.md", SRC), "utf8");
    expect(Array.from(page.matchAll(/^ {2}([a-z]+)\/ /gm), ([, part]) => part)).toEqual(PARTS);
    const folders = new Set([...sources.keys()].filter((file) => file.includes("/")).map((file) => file.split("/")[0]));
    expect([...folders].sort()).toEqual([...PARTS].sort());
  });

  test("what reads documents is loaded when one is read, and SQLite with the store that needs it", () => {
    const optional = new Set(["unpdf", "mammoth", "parse5", "node:sqlite"]);
    const imports = all().filter(({ from, to, kind }) => within("rag", from) && kind !== "type" && optional.has(to));
    const said = new Set(imports.map(({ from, to, kind }) => `${from} ${kind} ${to}`));
    expect([...said].sort()).toEqual([
      "rag/readers/docx.ts dynamic mammoth",
      "rag/readers/html.ts dynamic parse5",
      "rag/readers/pdf.ts dynamic unpdf",
      "rag/sqlite/vector-file.ts value node:sqlite",
    ]);
    // Those two are imported by the programs of threads alone.
    const importers = all().filter(({ to }) => /^rag\/(readers\/(docx|pdf)|sqlite\/vector-file)\.ts$/.test(to));
    expect(importers.filter(({ kind }) => kind === "value").map(({ from }) => from)).toEqual([]);
  });

  test("no file imports itself by way of others, and of two folders only one imports the other, types included", () => {
    const ours = all().filter(isOurs);
    expect(circularOf(ours.filter(({ kind }) => kind !== "type"))).toEqual([]);
    // Types of one folder may speak of one another.
    const folder = posix.dirname;
    expect(circularOf(ours).filter(({ from, to }) => folder(from) !== folder(to))).toEqual([]);
  });

  test("no import has a name that is made up as the program runs", () => {
    const isProduct = ({ from }: Import): boolean => within("background", from);
    expect(all().filter((each) => isProduct(each) && each.to === "?")).toEqual([]);
  });

  test("no import of ours goes by the package's name, and each names a file that is there", () => {
    const ours = all().filter(isOurs);
    expect(ours.filter(({ to }) => !sources.has(to))).toEqual([]);
    expect(all().filter(({ to }) => /^rapidai(\/|$)/.test(to))).toEqual([]);
  });

  test("files are named for a duty, and only entries are barrels", () => {
    expect(misnamedIn(sources.keys())).toEqual([]);
    expect(barrelsIn(sources)).toEqual([]);
  });

  test("core has no clock, no chance, no process and no timers", () => {
    const impure =
      /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bprocess\.|\bset(Timeout|Interval|Immediate)\(|\bfetch\(/;
    const core = [...sources].filter(([file]) => within("background/core", file));
    expect(core.filter(([, source]) => impure.test(withoutComments(source))).map(([file]) => file)).toEqual([]);
  });

  test("what the dashboard's page contains of them is part of the digest by which it is known to be current", async () => {
    const root = new URL("../", import.meta.url);
    const script = await readFile(new URL("scripts/dashboard-page.mjs", root), "utf8");
    const files: string[] = [];
    for await (const file of glob("dashboard/**/*.{ts,tsx}", { cwd: root })) files.push(file.replaceAll("\\", "/"));
    const contained = new Set(files);
    for (const file of contained) {
      const imports = importsOf(file, await readFile(new URL(file, root), "utf8"));
      for (const { to, kind } of imports) if (kind !== "type" && within("src", to)) contained.add(to);
    }
    const modules = [...contained].filter((file) => within("src", file));
    expect(modules).not.toEqual([]);
    expect(modules.filter((file) => !script.includes(`"${file}"`))).toEqual([]);
  });
});

describe("the checks themselves", () => {
  test("see every import there is", () => {
    const imports = all();
    expect(sources.size).toBeGreaterThan(50);
    for (const [file, source] of sources) {
      const lines = source
        .split("\n")
        .filter((line) => /^(import\b(?! *\()|\} from "|export (\*|type \{|\{).* from ")/.test(line));
      const specifiers = lines.flatMap((line) => /["']([^"']+)["'];?$/.exec(line.trim())?.[1] ?? []);
      const seen = imports.filter(({ from, kind }) => from === file && kind !== "dynamic");
      expect({ file, specifiers: seen.map(({ specifier }) => specifier).sort() }).toEqual({
        file,
        specifiers: specifiers.sort(),
      });
    }
    expect(imports).toContainEqual({
      from: "background/core/codec.ts",
      to: "devalue",
      specifier: "devalue",
      kind: "value",
    });
  });

  test("read all ways to write an import, and none in comments and texts", () => {
    const source = `// import "commented";
      /** import { x } from "example"; */
      import "effect";
      import one from 'one';
      import type { T } from "./types-only.ts";
      import {
        many,
        type Names,
      } from "../up.ts";
      export * from "./all.ts";
      export { a as b } from "./named.ts";
      export type { C } from "./c.ts";
      const url = "https://x.y"; const lazy = await import("lazy");
      type Of = import("./of.ts").Of; require("old"); process.getBuiltinModule("node:sqlite");
      const text = 'import("no")'; import(name);
      export const from = "nothing";`;
    const found = importsOf("a/b/c.ts", source).map(({ to, kind }) => `${kind} ${to}`);
    expect(found.filter((each) => each !== "dynamic no")).toEqual([
      "value effect",
      "value one",
      "type a/b/types-only.ts",
      "value a/up.ts",
      "value a/b/all.ts",
      "value a/b/named.ts",
      "type a/b/c.ts",
      "dynamic lazy",
      "dynamic a/b/of.ts",
      "dynamic old",
      "dynamic node:sqlite",
      "dynamic ?",
    ]);
  });

  test.each([
    ["background/core/x.ts", 'import { v7 } from "uuid";'],
    ["background/core/x.ts", 'import { readFile } from "node:fs";'],
    ["background/core/x.ts", 'import type { Q } from "../engine/queue.ts";'],
    ["background/core/x.ts", 'import { background } from "../background.ts";'],
    ["background/engine/x.ts", 'import { MemoryStore } from "../stores/memory/store.ts";'],
    ["background/engine/x.ts", 'import type { Q } from "../queues.ts";'],
    ["background/engine/x.ts", 'import { validate } from "@standard-schema/spec";'],
    ["background/engine/x.ts", 'const { trace } = await import("@opentelemetry/api");'],
    ["background/stores/redis/x.ts", 'import { heap } from "../memory/heap.ts";'],
    ["background/stores/redis/x.ts", 'import { createClient } from "redis";'],
    ["background/stores/redis/x.ts", 'import { Queue } from "../../engine/queue.ts";'],
    ["background/stores/memory/x.ts", 'await import("redis");'],
    ["background/stores/memory/x.ts", 'await import("node:sqlite");'],
    ["background/x.ts", 'import { z } from "zod";'],
    ["background/x.ts", 'import { generateText } from "ai";'],
    ["background/x.ts", 'await import("@ai-sdk/openai");'],
    ["background/x.ts", 'import { DatabaseSync } from "node:sqlite";'],
    ["background/x.ts", 'process.getBuiltinModule("node:sqlite");'],
    ["llm/x.ts", 'import { generateText } from "ai";'],
    ["llm/x.ts", 'import { createOpenAI } from "@ai-sdk/openai";'],
    ["llm/x.ts", 'import type { App } from "../app/app.ts";'],
    ["llm/x.ts", 'await import("zod");'],
    ["rag/x.ts", 'import type { LLM } from "../llm/llm.ts";'],
    ["app/x.ts", 'import { jobsApi } from "../http/jobs-api.ts";'],
    ["http/x.ts", 'await import("../cli/main.ts");'],
    ["monitoring/x.ts", 'import { getQueue } from "../index.ts";'],
    ...[
      "app/app.ts",
      "llm/index.ts",
      "rag/rag.ts",
      "monitoring/x.ts",
      "http/x.ts",
      "cli/x.ts",
      "testing/index.ts",
      "index.ts",
    ].map((leaf) => ["background/x.ts", `export type { X } from "../${leaf}";`]),
  ])("%s may not say %s", (file, source) => {
    expect(violationsIn(importsOf(file as string, source as string))).toHaveLength(1);
  });

  test.each([
    ["background/core/x.ts", 'import { parse } from "devalue"; import { y } from "./y.ts";'],
    [
      "background/engine/x.ts",
      'import type { S } from "@standard-schema/spec"; import { v7 } from "uuid"; import "node:os";',
    ],
    ["background/stores/redis/x.ts", 'import type { C } from "redis"; await import("redis"); import "./y.ts";'],
    ["background/stores/sqlite/x.ts", 'await import("node:sqlite"); import { y } from "../../core/y.ts";'],
    ["background/queues.ts", 'import { M } from "./stores/memory/store.ts"; import { Q } from "./engine/queue.ts";'],
    ["app/x.ts", 'import { Hono } from "hono"; import { JobError } from "../background/core/errors.ts";'],
    ["cli/x.ts", 'import { jobsApi } from "../http/jobs-api.ts"; await import("../app/app.ts"); import "./y.ts";'],
    ["llm/x.ts", 'import type { LanguageModel } from "ai"; await import("ai"); import "../background/core/x.ts";'],
  ])("%s may say %s", (file, source) => {
    expect(violationsIn(importsOf(file as string, source as string))).toEqual([]);
  });

  test("find circles, by way of types too", () => {
    const of = (file: string, to: string): Import[] => importsOf(file, `import type { X } from "./${to}";`);
    const found = (imports: Import[]): string[] => circularOf(imports).map(({ from, to }) => `${from} > ${to}`);
    const circle = [...of("a.ts", "b.ts"), ...of("b.ts", "x/c.ts"), ...of("x/c.ts", "../d.ts"), ...of("d.ts", "b.ts")];
    expect(found(circle)).toEqual(["b.ts > x/c.ts", "x/c.ts > d.ts", "d.ts > b.ts"]);
    expect(found(of("a.ts", "a.ts"))).toEqual(["a.ts > a.ts"]);
    expect(found([...of("a.ts", "b.ts"), ...of("a.ts", "c.ts"), ...of("b.ts", "c.ts")])).toEqual([]);
  });

  test("find names that say nothing, and barrels", () => {
    const bad = [
      "background/types.ts",
      "app/utils.ts",
      "rag/string-utils.ts",
      "background/core/index.ts",
      "app/QueueManager.ts",
    ];
    expect(misnamedIn([...bad, "index.ts", "app/index.ts", "background/engine/tokens.ts"])).toEqual(bad);
    const barrel = '// all of it\nexport { a } from "./a.ts";\nexport * from "./b.ts";\n';
    expect(
      barrelsIn(
        new Map([
          ["background/core/all.ts", barrel],
          ["app/index.ts", barrel],
          ["app/a.ts", "export {};"],
        ]),
      ),
    ).toEqual(["background/core/all.ts"]);
  });
});
