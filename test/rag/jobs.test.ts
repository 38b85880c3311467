import { execFile } from "node:child_process";
import { getEventListeners } from "node:events";
import { promisify } from "node:util";
import { background, InMemoryQueue, type JobError, type ProgressUpdate, RetryAfterError } from "rapidai/background";
import { type Embedder, lexicalEmbedder, memoryVectors, RAG } from "rapidai/rag";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { everyTurn } from "../every-turn.ts";

let queue: InMemoryQueue;
beforeEach(() => {
  queue = new InMemoryQueue();
});
afterEach(() => queue.close());

const LONG = Array.from({ length: 400 }, (_, index) => `Sentence number ${index} about elephants.`).join(" ");

/** The lexical one, which stops before its n-th call until it is told to go on. */
function gated(stopBefore: number): Embedder & { readonly reached: Promise<void>; open(): void } {
  const lexical = lexicalEmbedder();
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  let calls = 0;
  return {
    name: "lexical",
    reached: reached.promise,
    open: opened.resolve,
    async embed(texts, options) {
      if (++calls === stopBefore) {
        reached.resolve();
        await opened.promise;
      }
      return lexical.embed(texts, options);
    },
  };
}

/** The lexical one, which throws these errors at the calls of these numbers, from 1. */
function failing(at: Readonly<Record<number, Error>>): Embedder & { readonly sizes: readonly number[] } {
  const lexical = lexicalEmbedder();
  const sizes: number[] = [];
  return {
    name: "lexical",
    sizes,
    async embed(texts, options) {
      const error = at[sizes.push(texts.length)];
      if (error !== undefined) throw error;
      return lexical.embed(texts, options);
    },
  };
}

describe("inside a job", () => {
  test("progress is reported by itself, chunk by chunk, and can be seen from outside while it runs", async () => {
    const embedder = gated(3);
    const rag = new RAG({ embedder, batchSize: 5 });
    const add = background({ queue }, async function add() {
      return (await rag.addDocument({ content: LONG, source: "elephants.txt" })).length;
    });
    const seen: ProgressUpdate[] = [];
    queue.on("progress", ({ progress }) => seen.push(progress as ProgressUpdate));
    const id = await add.enqueue();
    await embedder.reached;
    await expect.poll(async () => (await add.getResult(id))?.progress?.done).toBe(10);
    const midway = (await add.getResult(id))?.progress;
    expect(midway).toMatchObject({ message: "embedding elephants.txt" });
    embedder.open();
    const { result, progress } = await add.wait(id);
    expect(result).toBeGreaterThan(15);
    expect(midway?.total).toBe(result);
    expect(progress).toMatchObject({ fraction: 1, done: result, total: result });
    expect(seen.length).toBeGreaterThan(3);
  });

  test("a cancel stops it midway, with nothing stored", async () => {
    const embedder = gated(3);
    const rag = new RAG({ embedder, batchSize: 5 });
    const outcome = Promise.withResolvers<unknown>();
    const add = background({ queue }, async function add() {
      await rag.addDocument({ content: LONG, source: "s" }).then(outcome.resolve, outcome.resolve);
    });
    const id = await add.enqueue();
    await embedder.reached;
    expect(await add.cancel(id)).toBe(true);
    embedder.open();
    expect(((await outcome.promise) as JobError).code).toBe("job_cancelled");
    expect(await rag.retrieve("elephants")).toEqual([]);
  });

  test("a cancel also ends the thread that a document is being read on, and the next one is read on another", async () => {
    const rag = new RAG();
    const outcome = Promise.withResolvers<unknown>();
    const add = background({ queue }, async function add() {
      await rag
        .addDocument({ content: `<html>${"<a><b><i><p>".repeat(200_000)}` })
        .then(outcome.resolve, outcome.resolve);
    });
    const id = await add.enqueue();
    await expect.poll(async () => (await add.getResult(id))?.status).toBe("running");
    await add.cancel(id);
    expect(((await outcome.promise) as JobError).code).toBe("job_cancelled");
    expect(await rag.addDocument({ content: "<html><p>fine" })).toHaveLength(1);
    await rag.close();
  });

  test("a retry replaces what the attempt before stored", async () => {
    const rag = new RAG();
    const add = background({ queue, backoff: 0 }, async function add(_: undefined, job) {
      const chunks = await rag.addDocument({ content: `${LONG} Attempt ${job.attempt}.`, source: "s" });
      if (job.attempt === 1) throw new Error("after it was stored");
      return chunks.length;
    });
    const { result, attempts } = await add.wait(await add.enqueue());
    expect(attempts).toBe(2);
    expect(await rag.retrieve("elephants", { topK: 1_000 })).toHaveLength(result as number);
  });

  describe("an embedder that asks to be left alone for a while", () => {
    const busy = new RetryAfterError(1);
    const addOnce = async (embedder: Embedder) => {
      const rag = new RAG({ embedder, batchSize: 5 });
      const add = background({ queue, maxRetries: 0 }, async function add() {
        return (await rag.addDocument({ content: LONG })).length;
      });
      return add.wait(await add.enqueue());
    };

    test("midway is asked again for that batch alone, also more than once", async () => {
      const embedder = failing({ 3: busy, 4: busy, 6: busy });
      const { status, result } = await addOnce(embedder);
      expect(status).toBe("completed");
      expect(embedder.sizes).toHaveLength(Math.ceil((result as number) / 5) + 3);
    });

    test.each([
      ["at the first batch, before anything could be lost", { 1: busy }, 1],
      ["for more than a minute", { 3: new RetryAfterError("61s") }, 3],
      ["again and again", Object.fromEntries(Array.from({ length: 50 }, (_, at) => [at + 3, busy])), 13],
    ])("%s ends the attempt", async (_, at, calls) => {
      const embedder = failing(at);
      expect(await addOnce(embedder)).toMatchObject({ status: "failed", errors: [{ name: "RetryAfterError" }] });
      expect(embedder.sizes).toHaveLength(calls);
    });

    test("is not waited for once the job is cancelled", async () => {
      const embedder = failing({ 3: new RetryAfterError("60s") });
      const rag = new RAG({ embedder, batchSize: 5 });
      const ended = Promise.withResolvers<unknown>();
      const add = background({ queue }, async function add() {
        await rag.addDocument({ content: LONG }).catch(ended.resolve);
      });
      const id = await add.enqueue();
      await expect.poll(() => embedder.sizes.length).toBe(3);
      await add.cancel(id);
      expect(await ended.promise).toMatchObject({ code: "job_cancelled" });
    });
  });

  test("who asks for progress gets it, and the job's own stays the handler's", async () => {
    const rag = new RAG();
    const heard: number[] = [];
    const add = background({ queue }, async function add(_: undefined, job) {
      job.progress(0.5);
      await rag.addDocument({ content: LONG }, { onProgress: ({ done }) => heard.push(done) });
    });
    const { progress } = await add.wait(await add.enqueue());
    expect(heard.at(0)).toBe(0);
    expect(progress?.fraction).toBe(0.5);
  });
});

describe("outside of one", () => {
  test("the caller's signal stops it", async () => {
    const rag = new RAG();
    await expect(
      rag.addDocument({ content: LONG }, { signal: AbortSignal.abort(new Error("no more")) }),
    ).rejects.toThrow("no more");
    expect(await rag.retrieve("elephants")).toEqual([]);
  });

  test("the caller's signal stops it also while an embedder is at work that knows nothing of signals", async () => {
    const stop = new AbortController();
    const embed = (): Promise<number[][]> => {
      setImmediate(() => stop.abort(new Error("no more")));
      return new Promise(() => {});
    };
    const rag = new RAG({ embedder: { name: "deaf", embed } });
    await expect(rag.addDocument({ content: LONG }, { signal: stop.signal })).rejects.toThrow("no more");
    await expect(rag.retrieve("elephants", { signal: stop.signal })).rejects.toThrow("no more");
  });

  test("nothing of it is left at the caller's signal, also in releases of Node.js that keep what AbortSignal.any made", async () => {
    const any = vi.spyOn(AbortSignal, "any");
    onTestFinished(() => any.mockRestore());
    const rag = new RAG();
    const { signal } = new AbortController();
    await rag.addDocument({ content: "Elephants." }, { signal });
    expect(await rag.retrieve("elephants", { signal })).toHaveLength(1);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(any).not.toHaveBeenCalled();
    await rag.close();
  });

  test("the caller's signal stops it also while another document is being read before it", async () => {
    const rag = new RAG();
    const page = (content: string, signal?: AbortSignal) =>
      rag.addDocument({ content, type: "html", source: content.slice(0, 10) }, { signal });
    const ended: string[] = [];
    const stop = new AbortController();
    const slow = page("<a><b><i><p>".repeat(200_000)).finally(() => ended.push("slow"));
    const called = page("<p>Called off.", stop.signal).finally(() => ended.push("called off"));
    const patient = page("<p>Patient.");
    stop.abort(new Error("no more"));
    await expect(called).rejects.toThrow("no more");
    expect(ended).toEqual(["called off"]);
    const closed = expect(Promise.all([slow, patient])).rejects.toMatchObject({ code: "document_unavailable" });
    await rag.close();
    await closed;
  });

  test("a close ends what is being read and what waits for that", async () => {
    const rag = new RAG();
    const pages = ["<a><b><i><p>".repeat(200_000), "<p>One.", "<p>Two."];
    const outcomes = Promise.allSettled(pages.map((content) => rag.addDocument({ content, type: "html" })));
    await rag.close();
    const unavailable = { status: "rejected", reason: { code: "document_unavailable" } };
    expect(await outcomes).toMatchObject([unavailable, unavailable, unavailable]);
  });

  test("a close ends what is being embedded, with nothing stored, and refuses what comes later", async () => {
    const store = memoryVectors();
    let calls = 0;
    const embed = async (texts: string[]): Promise<number[][]> => {
      if (++calls === 2) await rag.close();
      return texts.map(() => [1]);
    };
    const rag = new RAG({ store, embedder: { name: "slow", embed }, batchSize: 1 });
    const unavailable = { code: "document_unavailable", message: "The RAG was closed before the document was added." };
    await expect(rag.addDocument({ content: LONG })).rejects.toMatchObject(unavailable);
    await expect(rag.addDocument({ content: "Elephants." })).rejects.toMatchObject(unavailable);
    expect(calls).toBe(2);
    const query = { vector: Float32Array.of(1), space: { embedder: "slow", dimensions: 1 }, topK: 1 };
    expect(await store.search(query)).toEqual([]);
  });

  test("a program that does nothing else ends when its document is read, and not before", async () => {
    const program = `
      import { memoryVectors, RAG } from "rapidai/rag";
      const chunks = await new RAG().addDocument({ content: "<html><p>Elephants." });
      console.log(chunks[0].content);`;
    const args = ["--import", "./scripts/from-source.ts", "--input-type=module", "--eval", program];
    expect((await promisify(execFile)(process.execPath, args)).stdout).toBe("Elephants.\n");
  });

  test("the event loop goes on while ten megabytes are added", async () => {
    const rag = new RAG();
    const content = LONG.repeat(Math.ceil(10_000_000 / LONG.length));
    let turns = 0;
    const stop = everyTurn(() => turns++);
    const before = process.cpuUsage();
    const chunks = await rag.addDocument({ content });
    const { user, system } = process.cpuUsage(before);
    stop();
    expect(chunks.length).toBeGreaterThan(10_000);
    // It computes for 4 ms at a time. Measured in processor time, since others may use the machine.
    expect(turns).toBeGreaterThan((user + system) / 1_000 / 25);
  });
});
