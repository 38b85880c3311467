import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { background, JobError, SqliteQueue } from "rapidai/background";
import { lexicalEmbedder, type MetadataFilter, memoryVectors, RAG, sqliteVectors, type VectorStore } from "rapidai/rag";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import type { VectorRequest } from "../../src/rag/sqlite/request.ts";
import { VectorFile } from "../../src/rag/sqlite/vector-file.ts";
import { ThreadCalls } from "../../src/rag/thread-calls.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

let folder = "";
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "rapidai-vectors-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const newPath = () => join(folder, `${files++}.db`);

const opened: RAG[] = [];
afterEach(async () => {
  for (const rag of opened.splice(0)) await rag.close();
});
function ragOn(store: VectorStore, options: ConstructorParameters<typeof RAG>[0] = {}): RAG {
  const rag = new RAG({ store, ...options });
  opened.push(rag);
  return rag;
}

const sentences = (count: number, word: string) =>
  Array.from({ length: count }, (_, index) => `Sentence ${index} speaks of ${word} at length.`).join(" ");

const STORES: [string, () => VectorStore][] = [
  ["memory", memoryVectors],
  ["SQLite", () => sqliteVectors({ path: newPath() })],
  ["SQLite without room for a cache", () => sqliteVectors({ path: newPath(), cacheBytes: 10_000 })],
];

describe.each(STORES)("documents in %s", (_, open) => {
  test("are found with all that is known of them", async () => {
    const rag = ragOn(open(), { chunkSize: 100 });
    const metadata = { team: "zoo", offset: "theirs", nested: { index: 1 } };
    const chunks = await rag.addDocument({
      content: `# Elephants\n\n${sentences(20, "elephants")}`,
      name: "e.md",
      metadata,
    });
    await rag.addDocument({ content: sentences(20, "whales"), name: "w.txt" });
    const [best] = await rag.retrieve(chunks[7]?.content ?? "");
    expect(best).toEqual({ ...chunks[7], score: expect.closeTo(1, 5) });
    expect(best?.metadata).toMatchObject({ team: "zoo", nested: { index: 1 }, index: 7, heading: "Elephants" });
    expect(best?.metadata.offset).toBe(chunks[7]?.metadata.offset);
    const found = await rag.retrieve("whales", { topK: 3 });
    expect(found.map(({ metadata }) => metadata.source)).toEqual(["w.txt", "w.txt", "w.txt"]);
  });

  test("keep every character, the one with the number 0 too", async () => {
    const rag = ragOn(open());
    const [chunk] = await rag.addDocument({ content: "Elephants\0 and \u{1f418} whales." });
    expect(chunk?.content).toContain("\0");
    expect(await rag.retrieve("whales")).toMatchObject([{ content: chunk?.content }]);
  });

  test("come best first, no more than asked for, and none below a given score", async () => {
    const rag = ragOn(open(), { chunkSize: 100 });
    await rag.addDocument({ content: sentences(600, "whales"), source: "w" });
    const found = await rag.retrieve("sentence 17 speaks of whales", { topK: 40 });
    const scores = found.map(({ score }) => score);
    expect(scores).toHaveLength(40);
    expect(await rag.retrieve("sentence 17 speaks of whales")).toEqual(found.slice(0, 5));
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    expect(found[0]?.content).toContain("17");
    const floor = scores[10] ?? 0;
    expect(
      (await rag.retrieve("sentence 17 speaks of whales", { topK: 40, minScore: floor })).at(-1)?.score,
    ).toBeGreaterThanOrEqual(floor);
  });

  test("are not added with an option that there is not: it is refused, and not ignored", async () => {
    for (const options of [{ onprogress: () => {} } as never, null as never])
      await expect(ragOn(open()).addDocument({ content: "Elephants." }, options)).rejects.toMatchObject({
        code: "invalid_option",
      });
  });

  test("have what is said of their document as deep as it may go; deeper is refused", async () => {
    const rag = ragOn(open());
    for (let levels = 100; levels < 8_000; levels += 100) {
      const metadata = JSON.parse(`{"deep":${"[".repeat(levels)}${"]".repeat(levels)}}`) as Record<string, unknown>;
      const codeOf = (error: { code?: unknown }) => error.code;
      const end = await rag.addDocument({ content: "Elephants.", metadata }).then(() => "added", codeOf);
      expect(end).toBe(levels < 500 ? "added" : "invalid_option");
    }
  });

  test("are not hidden by a lowest score that is no number: it is refused", async () => {
    for (const minScore of [Number.NaN, "0.5" as never, null as never])
      await expect(ragOn(open()).retrieve("elephants", { minScore })).rejects.toMatchObject({ code: "invalid_option" });
  });

  test("are not found by a question that has no words", async () => {
    const rag = ragOn(open());
    await rag.addDocument({ content: "Elephants." });
    for (const question of ["", "  ", "???", "— … —"]) expect(await rag.retrieve(question)).toEqual([]);
    expect(await rag.retrieve("elephants???")).toHaveLength(1);
  });

  test("of the same source replace one another, and can be removed", async () => {
    const rag = ragOn(open());
    await rag.addDocument({ content: sentences(50, "whales"), source: "a" });
    await rag.addDocument({ content: "Only elephants.", source: "a" });
    expect((await rag.retrieve("whales", { topK: 100 })).map(({ content }) => content)).toEqual(["Only elephants."]);
    expect(await rag.remove("a")).toBe(true);
    expect(await rag.remove("a")).toBe(false);
    expect(await rag.retrieve("elephants")).toEqual([]);
  });

  describe("of one source that are added at once", () => {
    const ragWith = (embed: (texts: string[]) => Promise<number[][]>) => ragOn(open(), { embedder: { embed } });
    const contents = async (rag: RAG) => (await rag.retrieve("?")).map(({ content }) => content);

    test("leave the one that was asked for last, whichever is ready first", async () => {
      const last = Promise.withResolvers<void>();
      const rag = ragWith(async (texts) => {
        if (texts.includes("Last.")) last.resolve();
        else await last.promise;
        return texts.map(() => [1]);
      });
      const texts = ["First.", "Second.", "Last."];
      await Promise.all(texts.map((content) => rag.addDocument({ content, source: "a" })));
      expect(await contents(rag)).toEqual(["Last."]);
    });

    test("do not wait for one that is called off, nor go when a later one fails", async () => {
      const rag = ragWith(async (texts) => (texts.includes("Slow.") ? new Promise(() => {}) : texts.map(() => [1])));
      const stop = new AbortController();
      const slow = rag.addDocument({ content: "Slow.", source: "a" }, { signal: stop.signal });
      const next = rag.addDocument({ content: "Next.", source: "a" });
      const empty = rag.addDocument({ content: " ", source: "a" });
      await expect(empty).rejects.toMatchObject({ code: "document_empty" });
      stop.abort(new Error("no more"));
      await expect(slow).rejects.toThrow("no more");
      expect(await next).toHaveLength(1);
      expect(await contents(rag)).toEqual(["Next."]);
    });
  });

  test("that were called off are not stored, however late", async () => {
    const store = open();
    const space = { embedder: "numbers", dimensions: 1 };
    const metadata = { source: "s", type: "text" as const, index: 0, offset: 0, line: 1 };
    const document = {
      source: "s",
      space,
      metadata,
      chunks: [{ content: "c", metadata, embedding: Float32Array.of(1) }],
    };
    const signal = AbortSignal.abort(new Error("called off"));
    await expect(store.put(document, { signal })).rejects.toThrow("called off");
    expect(await store.search({ vector: Float32Array.of(1), space, topK: 1 })).toEqual([]);
    await store.close();
  });

  test("of another embedder are refused in a sentence, until there are none any more", async () => {
    const store = open();
    const lexical = ragOn(store);
    const others = ragOn(store, { embedder: { name: "model-x", embed: async (texts) => texts.map(() => [1, 2, 3]) } });
    const wider = ragOn(store, { embedder: lexicalEmbedder({ dimensions: 1_024 }) });
    await lexical.addDocument({ content: "One.", source: "one" });
    for (const rag of [others, wider]) {
      const error = await rag.addDocument({ content: "Two." }).catch((error: JobError) => error);
      expect(error).toMatchObject({ code: "embedder_mismatch" });
      await expect(rag.retrieve("One")).rejects.toMatchObject({ code: "embedder_mismatch" });
    }
    await expect(others.retrieve("One")).rejects.toThrow(
      /come from 'lexical' \(512 numbers each\), but this RAG embeds with 'model-x' \(3 numbers/,
    );
    await lexical.remove("one");
    expect(await others.addDocument({ content: "Two." })).toHaveLength(1);
    expect(await others.retrieve("Two")).toHaveLength(1);
  });

  test("of another embedder are refused before their vectors are made: those may have to be paid for", async () => {
    const store = open();
    const lexical = ragOn(store);
    let calls = 0;
    const embed = async (texts: string[]) => {
      calls++;
      return texts.map(() => [1, 2, 3]);
    };
    const others = ragOn(store, { embedder: { name: "model-x", embed } });
    for (const source of ["a", "b"]) await lexical.addDocument({ content: "Elephants.", source });
    await expect(others.addDocument({ content: "Elephants.", source: "a" })).rejects.toThrow(
      /come from 'lexical' \(512 numbers each\), but this RAG embeds with 'model-x': use that/,
    );
    expect(calls).toBe(0);
    await lexical.remove("b");
    expect(await others.addDocument({ content: "Elephants.", source: "a" })).toHaveLength(1);
    expect(calls).toBe(1);
  });

  test("of another embedder take the place of the only one there is", async () => {
    const store = open();
    await ragOn(store).addDocument({ content: "Elephants.", source: "a" });
    const wider = ragOn(store, { embedder: lexicalEmbedder({ dimensions: 1_024 }) });
    await wider.addDocument({ content: "Elephants and whales.", source: "a" });
    expect(await wider.retrieve("whales")).toMatchObject([{ content: "Elephants and whales." }]);
    await wider.addDocument({ content: "Whales.", source: "b" });
    await expect(ragOn(store).addDocument({ content: "Elephants.", source: "a" })).rejects.toMatchObject({
      code: "embedder_mismatch",
    });
    expect(await wider.retrieve("whales")).toHaveLength(2);
  });

  test("of equal scores come in the order they were stored in", async () => {
    const rag = ragOn(open());
    for (const source of ["a", "b", "c", "a"]) await rag.addDocument({ content: "Elephants.", source });
    const found = await rag.retrieve("elephants");
    expect(found.map(({ metadata }) => metadata.source)).toEqual(["b", "c", "a"]);
  });

  describe("that a filter lets through", () => {
    const sources = (found: readonly { metadata: { source: string } }[]) =>
      found.map(({ metadata }) => metadata.source);

    test("alone are found, as many as were asked for, however many others are nearer", async () => {
      const rag = ragOn(open(), { chunkSize: 100 });
      await rag.addDocument({ content: sentences(300, "whales"), source: "other", metadata: { customer: "other" } });
      const mine = await rag.addDocument({
        content: sentences(30, "elephants"),
        source: "m",
        metadata: { customer: 7 },
      });
      const found = await rag.retrieve("whales at length", { topK: 8, filter: { customer: 7 } });
      expect(sources(found)).toEqual(new Array(8).fill("m"));
      const [chunk] = found;
      expect(chunk).toEqual({ ...mine[chunk?.metadata.index ?? -1], score: chunk?.score });
      expect(await rag.retrieve("whales", { topK: 1_000, filter: { customer: 7 } })).toHaveLength(mine.length);
      expect(await rag.retrieve("whales", { minScore: 2, filter: { customer: 7 } })).toEqual([]);
    });

    test("have the very value, or one of some, in every name", async () => {
      const rag = ragOn(open());
      const add = (source: string, metadata: Record<string, unknown>) =>
        rag.addDocument({ content: "Elephants.", source, metadata });
      await add("text", { v: "1", w: "a" });
      await add("number", { v: 1, w: "b" });
      await add("true", { v: true, w: "a" });
      await add("zero", { v: -0 });
      await add("null", { v: null, w: "a" });
      await add("none", { w: "a", nested: { v: "1" } });
      await add("list", { v: ["1"], w: "a" });
      await add("proto", JSON.parse('{ "__proto__": "1", "a\\"b.c\\u0000": "\\ud800é" }'));
      const having = async (filter: MetadataFilter) => sources(await rag.retrieve("elephants", { topK: 100, filter }));
      expect(await having({ v: "1" })).toEqual(["text"]);
      expect(await having({ v: 1 })).toEqual(["number"]);
      expect(await having({ v: true })).toEqual(["true"]);
      expect(await having({ v: 0 })).toEqual(["zero"]);
      expect(await having({ v: null })).toEqual(["null"]);
      expect(await having({ v: [1, null, "1"] })).toEqual(["text", "number", "null"]);
      expect(await having({ v: [1, null, "1"], w: "a" })).toEqual(["text", "null"]);
      expect(await having({ v: [] })).toEqual([]);
      expect(await having({ toString: "1" })).toEqual([]);
      expect(await having({ ["__proto__"]: "1" })).toEqual(["proto"]);
      expect(await having({ 'a"b.c\0': "\ud800é" })).toEqual(["proto"]);
      expect(await having({ source: ["none", "list", "nobody"], type: "text" })).toEqual(["none", "list"]);
    });

    test("stay so when they are replaced and removed", async () => {
      const rag = ragOn(open());
      const filter = { customer: "acme" };
      const add = (source: string, customer: string) =>
        rag.addDocument({ content: "Elephants.", source, metadata: { customer } });
      const found = async () => sources(await rag.retrieve("elephants", { filter }));
      await add("a", "acme");
      await add("b", "other");
      expect(await found()).toEqual(["a"]);
      await add("a", "other");
      await add("c", "acme");
      expect(await found()).toEqual(["c"]);
      await add("b", "acme");
      await rag.remove("c");
      expect(await found()).toEqual(["b"]);
    });

    test("go by the filter as it was when they were asked for", async () => {
      const filter = { customer: ["acme"] };
      const embed = async (texts: string[]) => {
        filter.customer[0] = "other";
        return texts.map(() => [1]);
      };
      const rag = ragOn(open(), { embedder: { embed } });
      for (const customer of ["acme", "other"])
        await rag.addDocument({ content: "Elephants.", source: customer, metadata: { customer } });
      filter.customer = ["acme"];
      expect(sources(await rag.retrieve("elephants", { filter }))).toEqual(["acme"]);
    });

    test("are removed by it, all at once, and counted", async () => {
      const store = open();
      const rag = ragOn(store, { chunkSize: 100 });
      for (let index = 0; index < 20; index++) {
        const customer = index % 2 === 0 ? "acme" : "other";
        await rag.addDocument({ content: sentences(30, "whales"), source: `${index}`, metadata: { customer } });
      }
      expect(await rag.removeMatching({ customer: "nobody" })).toBe(0);
      expect(await rag.removeMatching({ customer: [] })).toBe(0);
      expect(await rag.removeMatching({ customer: "acme", source: ["0", "1"] })).toBe(1);
      expect(await rag.removeMatching({ customer: "acme" })).toBe(9);
      expect(await rag.removeMatching({ customer: "acme" })).toBe(0);
      const left = await rag.retrieve("whales", { topK: 1_000 });
      expect(new Set(left.map(({ metadata }) => metadata.customer))).toEqual(new Set(["other"]));
      expect(await rag.removeMatching({ customer: "other" })).toBe(10);
      expect(await rag.retrieve("whales")).toEqual([]);
    });

    test("are not found or removed by one that cannot be meant: it is refused, and not ignored", async () => {
      const rag = ragOn(open());
      await rag.addDocument({ content: "Elephants.", metadata: { customer: "acme" } });
      const customers = [undefined, Number.NaN, {}, ["acme", undefined], [["acme"]], 1n, () => "acme", new Array(1)];
      const filters = [null, {}, [], ["acme"], "acme", new Map([["customer", "acme"]])];
      const names = ["index", "offset", "line", "page", "heading"].map((name) => ({ [name]: 0 }));
      for (const filter of [...filters, ...names, ...customers.map((customer) => ({ customer }))] as never[]) {
        await expect(rag.retrieve("elephants", { filter })).rejects.toMatchObject({ code: "invalid_option" });
        await expect(rag.removeMatching(filter)).rejects.toMatchObject({ code: "invalid_option" });
      }
      await expect(rag.removeMatching(undefined as never)).rejects.toMatchObject({ code: "invalid_option" });
      const filter = { customer: undefined as never };
      await expect(rag.retrieve("elephants", { filter })).rejects.toThrow(
        'The filter of retrieve() has undefined as "customer": use a string, a finite number,',
      );
      expect(await rag.retrieve("elephants", { filter: undefined })).toHaveLength(1);
    });
  });

  test("are what a plain search over all of them finds", async () => {
    const space = { embedder: "numbers", dimensions: 5 };
    const number = fc.integer({ min: -3, max: 3 });
    const vector = fc.array(number, { minLength: 5, maxLength: 5 }).map((numbers) => {
      const length = Math.hypot(...numbers) || 1;
      return Float32Array.from(numbers, (each) => each / length);
    });
    const documents = fc.array(fc.array(vector, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 });
    const store = open();
    const wanted = fc.option(fc.uniqueArray(fc.integer({ min: 0, max: 2 })), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(documents, vector, fc.integer({ min: 1, max: 8 }), wanted, async (all, query, topK, third) => {
        for (const [document, vectors] of all.entries()) {
          const source = `d${document}`;
          const chunks = vectors.map((embedding, index) => ({
            content: `${document}.${index}`,
            metadata: { source, type: "text" as const, index, offset: 0, line: 1 },
            embedding,
          }));
          await store.put({ source, space, metadata: { source, type: "text", third: document % 3 }, chunks });
        }
        const filter = third && { third };
        const found = await store.search({ vector: query, space, topK, filter });
        const dot = (one: Float32Array) => one.reduce((sum, each, index) => sum + each * (query[index] ?? 0), 0);
        const scores = all
          .filter((_, document) => third?.includes(document % 3) ?? true)
          .flat()
          .map(dot)
          .sort((a, b) => b - a);
        expect(found).toHaveLength(Math.min(topK, scores.length));
        for (const [rank, { score, embedding }] of found.entries()) {
          expect(score).toBeCloseTo(scores[rank] ?? Number.NaN, 5);
          expect(dot(embedding)).toBeCloseTo(score, 5);
        }
        for (const document of all.keys()) await store.remove(`d${document}`);
      }),
      { numRuns: 30 },
    );
    await store.close();
  });
});

test("documents in memory let the event loop turn also while none of many matches a filter", async () => {
  const store = memoryVectors();
  const [vector, space] = [Float32Array.of(1), { embedder: "one", dimensions: 1 }];
  for (let document = 0; document < 10; document++)
    await store.put({ source: `${document}`, space, metadata: {}, chunks: [] });
  let time = performance.now();
  const clock = vi.spyOn(performance, "now").mockImplementation(() => (time += 10));
  onTestFinished(() => clock.mockRestore());
  const stop = new AbortController();
  const found = store.search({ vector, space, topK: 1, filter: { customer: ["nobody"] }, signal: stop.signal });
  stop.abort(new Error("enough"));
  await expect(found).rejects.toThrow("enough");
});

describe("a store of somebody else's", () => {
  const acme = { filter: { customer: "acme" } };

  test("that does not support filters is not given one: it would find another customer's documents", async () => {
    const store = memoryVectors();
    const rag = ragOn({
      put: (document) => store.put(document),
      remove: (source) => store.remove(source),
      search: (query) => store.search(query),
      close: () => store.close(),
    });
    await rag.addDocument({ content: "Elephants.", metadata: { customer: "acme" } });
    const sentence = /does not support filters: give it removeMatching\(\)/;
    await expect(rag.retrieve("elephants", acme)).rejects.toThrow(sentence);
    await expect(rag.removeMatching(acme.filter)).rejects.toThrow(sentence);
    expect(await rag.retrieve("elephants")).toHaveLength(1);
  });

  test("that ignores a filter is detected before anybody sees what it found", async () => {
    const store = memoryVectors();
    const rag = ragOn(Object.assign(store, { search: store.search.bind(store) }));
    const search = store.search;
    store.search = (query) => search({ ...query, filter: undefined });
    await rag.addDocument({ content: "Elephants.", source: "a", metadata: { customer: "acme" } });
    expect(await rag.retrieve("elephants", acme)).toHaveLength(1);
    await rag.addDocument({ content: "Elephants.", source: "b" });
    await expect(rag.retrieve("elephants", acme)).rejects.toMatchObject({
      code: "invalid_option",
      message: expect.stringContaining("do not match the filter: have its search() apply query.filter"),
    });
  });
});

describe("an SQLite file of documents", () => {
  test("survives its process, also one that is killed", async () => {
    const path = newPath();
    const program = `
      import { RAG, sqliteVectors } from "rapidai/rag";
      const rag = new RAG({ store: sqliteVectors({ path: process.argv[1] }) });
      await rag.addDocument({ content: "Kept for good: elephants.", source: "kept" });
      process.kill(process.pid, "SIGKILL");`;
    const args = ["--import", "./scripts/from-source.ts", "--input-type=module", "--eval", program, path];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
    await new Promise((resolve) => child.once("exit", resolve));
    expect(child.signalCode).toBe("SIGKILL");
    const [found] = await ragOn(sqliteVectors({ path })).retrieve("elephants");
    expect(found).toMatchObject({ content: "Kept for good: elephants.", metadata: { source: "kept" } });
  });

  test("shows at once what another connection added, replaced and removed", async () => {
    const path = newPath();
    const one = ragOn(sqliteVectors({ path }));
    const other = ragOn(sqliteVectors({ path }));
    const seen = async () => (await one.retrieve("elephants whales")).map(({ content }) => content).sort();
    expect(await seen()).toEqual([]);
    await other.addDocument({ content: "Elephants.", source: "a" });
    await other.addDocument({ content: "Whales.", source: "b" });
    expect(await seen()).toEqual(["Elephants.", "Whales."]);
    await other.addDocument({ content: "More elephants.", source: "a" });
    expect(await seen()).toEqual(["More elephants.", "Whales."]);
    await other.remove("b");
    expect(await seen()).toEqual(["More elephants."]);
    const filter = { customer: "acme" };
    const acmes = async () => (await one.retrieve("elephants", { filter })).map(({ content }) => content);
    expect(await acmes()).toEqual([]);
    await other.addDocument({ content: "Acme's elephants.", source: "a", metadata: filter });
    expect(await acmes()).toEqual(["Acme's elephants."]);
    await other.removeMatching(filter);
    expect(await acmes()).toEqual([]);
    expect(await one.removeMatching(filter)).toBe(0);
  });

  test("does not keep in memory what was replaced, also where nobody searches", async () => {
    const file = new VectorFile(newPath(), 1 << 20);
    const gone: WeakRef<object>[] = [];
    for (let times = 0; times < 300; times++) {
      const vectors = new Float32Array(4).fill(1);
      file.put("a", "{}", { embedder: "e", dimensions: 4 }, [{ contents: ["Elephants."], places: ["{}"], vectors }]);
      gone.push(new WeakRef(vectors));
    }
    // A WeakRef keeps its target until the turn ends.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(gone.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(100);
    file.close();
  });

  test("can be a queue's own", async () => {
    const path = newPath();
    const queue = new SqliteQueue({ path });
    const rag = ragOn(sqliteVectors({ path }));
    const add = background(
      { name: "add", queue },
      async (content: string) => (await rag.addDocument({ content, source: "s" })).length,
    );
    expect((await add.wait(await add.enqueue("Elephants."))).result).toBe(1);
    expect(await rag.retrieve("elephants")).toHaveLength(1);
    await queue.close();
  });

  test("is not half written when the caller stops it", async () => {
    const store = sqliteVectors({ path: newPath() });
    const stop = new AbortController();
    const rag = ragOn(store);
    const content = sentences(40_000, "whales");
    const adding = rag.addDocument(
      { content, source: "w" },
      {
        signal: stop.signal,
        // The last of it is embedded, and on its way into the file.
        onProgress: ({ done, total }) =>
          done === total && total > 0 && setImmediate(() => stop.abort(new Error("stopped"))),
      },
    );
    await expect(adding).rejects.toThrow("stopped");
    expect(await rag.retrieve("whales")).toEqual([]);
  });

  test("that is closed while a document goes into it says so to whoever adds that, and to nobody else", async () => {
    const rejections: unknown[] = [];
    const note = (reason: unknown) => rejections.push(reason);
    process.on("unhandledRejection", note);
    // Each look at the clock finds it time to let others go on.
    let now = performance.now();
    const clock = vi.spyOn(performance, "now").mockImplementation(() => {
      now += 10;
      return now;
    });
    onTestFinished(() => {
      process.off("unhandledRejection", note);
      clock.mockRestore();
    });
    const store = sqliteVectors({ path: newPath() });
    const metadata = { source: "s", type: "text", index: 0, offset: 0, line: 1 } as const;
    const chunks = new Array(1_000).fill({ content: "Elephants.", metadata, embedding: Float32Array.of(1) });
    const closed = new Promise((resolve) => setImmediate(() => resolve(store.close())));
    await expect(
      store.put({ source: "s", space: { embedder: "e", dimensions: 1 }, metadata: {}, chunks }),
    ).rejects.toMatchObject({ code: "vectors_unavailable" });
    await closed;
    expect(rejections).toEqual([]);
  });

  test("is not half written when the thread that had the other half was lost", async () => {
    const program = {
      what: "It",
      name: "thread",
      module: new URL("../../src/rag/sqlite/vectors.ts", import.meta.url).href,
    };
    const data = { path: newPath(), cacheBytes: 0 };
    const thread = new ThreadCalls<VectorRequest>({ program, name: "test", data });
    const rows = { contents: ["Elephants."], places: ["{}"], vectors: Float32Array.of(1) };
    const document = { source: "s", metadata: "{}", space: { embedder: "e", dimensions: 1 } };
    await thread.call({ kind: "rows", upload: 0, rows });
    await thread.end("lost");
    await thread.call({ kind: "rows", upload: 0, rows });
    await expect(thread.call({ kind: "put", upload: 0, parts: 2, ...document })).rejects.toThrow(/was lost; try again/);
    await thread.end(undefined);
  });

  test("lets a question that is called off go at once, also while the file is locked by another program", async () => {
    const path = newPath();
    const store = sqliteVectors({ path });
    await ragOn(store).addDocument({ content: "Elephants.", source: "a" });
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    const removed = store.remove("a");
    const stop = new AbortController();
    const space = { embedder: "lexical", dimensions: 512 };
    const found = store.search({ vector: new Float32Array(512), space, topK: 1, signal: stop.signal });
    stop.abort(new Error("no more"));
    await expect(found).rejects.toThrow("no more");
    other.close();
    expect(await removed).toBe(true);
  });

  const hostile: [string, (path: string) => void, RegExp][] = [
    [
      "no database",
      (path) => writeFileSync(path, "certainly no database, but longer than its header ".repeat(20)),
      /not an SQLite database, and was left unchanged/,
    ],
    ["a folder", (path) => mkdirSync(path), /is a folder/],
    [
      "of a newer release",
      (path) => sql(path, "CREATE TABLE rapidai_rag (version); INSERT INTO rapidai_rag VALUES (99)"),
      /another release/,
    ],
  ];
  test.each(hostile)("%s is refused in a sentence", async (_, make, sentence) => {
    const path = newPath();
    make(path);
    const before = _ === "a folder" ? "" : readFileSync(path, "latin1");
    const rag = ragOn(sqliteVectors({ path }));
    const error = (await rag.retrieve("x").catch((error: unknown) => error)) as JobError;
    expect(error).toBeInstanceOf(JobError);
    expect([error.code, error.message]).toEqual(["vectors_unavailable", expect.stringMatching(sentence)]);
    if (before !== "") expect(readFileSync(path, "latin1")).toBe(before);
  });

  test.each([
    ["vectors of another length", "UPDATE rapidai_rag_vectors SET vectors = zeroblob(7)"],
    ["a length that no vector has", "UPDATE rapidai_rag SET dimensions = 1000000000"],
    ["metadata that is no JSON", "UPDATE rapidai_rag_documents SET metadata = 'x'"],
    ["no text", "DELETE FROM rapidai_rag_chunks"],
  ])("with %s is said to be damaged", async (_, change) => {
    const path = newPath();
    await ragOn(sqliteVectors({ path })).addDocument({ content: "Elephants." });
    sql(path, change);
    const error = await ragOn(sqliteVectors({ path }))
      .retrieve("elephants")
      .catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "vectors_unavailable", message: expect.stringContaining("damaged") });
  });

  test("keys of a prototype in stored metadata are plain data", async () => {
    const path = newPath();
    await ragOn(sqliteVectors({ path })).addDocument({ content: "Elephants." });
    sql(path, `UPDATE rapidai_rag_documents SET metadata = '{"__proto__":{"polluted":true}}'`);
    const [found] = await ragOn(sqliteVectors({ path })).retrieve("elephants");
    expect(found?.metadata.polluted).toBeUndefined();
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test("that was closed says so, and a folder that is not there too", async () => {
    const rag = ragOn(sqliteVectors({ path: newPath() }));
    await rag.close();
    await rag.close();
    await expect(rag.retrieve("x")).rejects.toMatchObject({ code: "vectors_unavailable" });
    const nowhere = ragOn(sqliteVectors({ path: join(folder, "no", "where.db") }));
    await expect(nowhere.retrieve("x")).rejects.toThrow(/cannot be opened: check that its folder exists/);
  });

  test("that cannot be used is found out before vectors are made, which may have to be paid for", async () => {
    let calls = 0;
    const embed = async (texts: string[]) => {
      calls++;
      return texts.map(() => [1]);
    };
    const nowhere = ragOn(sqliteVectors({ path: join(folder, "no", "where.db") }), { embedder: { embed } });
    await expect(nowhere.addDocument({ content: "Elephants." })).rejects.toMatchObject({ code: "vectors_unavailable" });
    expect(calls).toBe(0);
  });
});

function sql(path: string, text: string): void {
  const db = new DatabaseSync(path);
  db.exec(text);
  db.close();
}
