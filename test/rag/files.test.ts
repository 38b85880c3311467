import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { JobError } from "rapidai/background";
import { RAG } from "rapidai/rag";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "rapidai-rag-"));
  mkdirSync(join(folder, "root", "sub"), { recursive: true });
  mkdirSync(join(folder, "root-of-another"));
  writeFileSync(join(folder, "root", "a.txt"), "inside");
  writeFileSync(join(folder, "root", "sub", "b.md"), "# Also\n\ninside");
  writeFileSync(join(folder, "root", "..notes.txt"), "inside, with dots");
  writeFileSync(join(folder, "secret.txt"), "outside");
  writeFileSync(join(folder, "root-of-another", "c.txt"), "outside");
  symlinkSync(join(folder, "secret.txt"), join(folder, "root", "link.txt"));
  symlinkSync(folder, join(folder, "root", "up"));
  symlinkSync("a.txt", join(folder, "root", "here.txt"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "read",
    (error: JobError) => error.code,
  );

describe("with a root", () => {
  test.each([
    "../secret.txt",
    "sub/../../secret.txt",
    "link.txt",
    "up/secret.txt",
    "up/root/../secret.txt",
    "../root-of-another/c.txt",
    "../not/there.txt",
    "/etc/hostname",
    "..",
    ".",
  ])("%j is refused", async (path) => {
    const rag = new RAG({ root: join(folder, "root") });
    await expect(rag.addDocument(path)).rejects.toMatchObject({
      code: "document_forbidden",
      message: `${path} is outside the folder that documents are read from.`,
    });
    expect(await rag.retrieve("outside")).toEqual([]);
  });

  test.each([
    ["a.txt", "a.txt"],
    ["sub/../a.txt", "a.txt"],
    ["./sub/b.md", "sub/b.md"],
    ["up/root/a.txt", "up/root/a.txt"],
    ["here.txt", "here.txt"],
    ["..notes.txt", "..notes.txt"],
  ])("%j is read, and goes by %j", async (path, source) => {
    const [chunk] = await new RAG({ root: join(folder, "root") }).addDocument(path);
    expect(chunk?.metadata.source).toBe(source);
  });

  test("an absolute path and a file: URL into it are fine, and go by the path within it", async () => {
    const root = join(folder, "root");
    const path = join(root, "sub", "b.md");
    const rag = new RAG({ root: relative(process.cwd(), root) });
    const sources = [path, pathToFileURL(path), { path }].map(
      async (document) => (await rag.addDocument(document))[0]?.metadata.source,
    );
    expect(await Promise.all(sources)).toEqual(["sub/b.md", "sub/b.md", "sub/b.md"]);
    expect(await rag.retrieve("inside", { topK: 10 })).toHaveLength(1);
  });
});

describe("a file", () => {
  test.each(["file://elsewhere/a.txt", "file:///a%2Fb.txt", "https://example.com/a.txt"])(
    "of the address %s is refused before anything is looked for",
    async (address) => {
      const rag = new RAG();
      const fault = expect.objectContaining({ code: "invalid_option", message: expect.stringContaining(address) });
      await expect(rag.addDocument(new URL(address))).rejects.toEqual(fault);
      await expect(rag.remove(new URL(address))).rejects.toEqual(fault);
    },
  );

  test("goes by one source however its path is written, and can be removed by any of them", async () => {
    const rag = new RAG();
    const path = join(folder, "root", "a.txt");
    await rag.addDocument(path);
    await rag.addDocument(relative(process.cwd(), path));
    expect(await rag.retrieve("inside")).toHaveLength(1);
    expect(await rag.remove(relative(process.cwd(), path))).toBe(true);
    expect(await rag.remove(path)).toBe(false);
    expect(await rag.retrieve("inside")).toEqual([]);
  });

  test("that is not there, a folder, a path through a file and a name with a zero have their codes", async () => {
    const rag = new RAG();
    expect(await codeOf(rag.addDocument(join(folder, "none.txt")))).toBe("document_not_found");
    expect(await codeOf(rag.addDocument(join(folder, "secret.txt", "x")))).toBe("document_not_found");
    expect(await codeOf(rag.addDocument(folder))).toBe("document_forbidden");
    expect(await codeOf(rag.addDocument("a\0b"))).toBe("document_not_found");
    expect(await codeOf(rag.addDocument("/dev/zero"))).toBe("document_forbidden");
  });

  test.skipIf(process.platform === "win32")("a pipe that nobody writes to is refused, not waited for", async () => {
    execFileSync("mkfifo", [join(folder, "pipe")]);
    expect(await codeOf(new RAG().addDocument(join(folder, "pipe")))).toBe("document_forbidden");
  });

  test("of 200 MB is refused before any of it is read", async () => {
    const path = join(folder, "large.txt");
    writeFileSync(path, "");
    truncateSync(path, 200_000_000);
    const before = process.memoryUsage().arrayBuffers;
    const error = await new RAG().addDocument(path).catch((error: JobError) => error);
    expect(error).toMatchObject({
      code: "document_too_large",
      message: `${path} has 200,000,000 bytes, and the limit is 33,554,432: split it, or raise RAG's maxBytes.`,
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });

  test("that has grown since its size was told is read all the same, and not byte by byte", async () => {
    const path = join(folder, "log.txt");
    writeFileSync(path, "");
    const handle = await open(path);
    await handle.close();
    const read = vi.spyOn(Object.getPrototypeOf(handle), "read");
    read.mockImplementationOnce(function (this: typeof handle, ...asked: unknown[]) {
      appendFileSync(path, "a line\n".repeat(100_000));
      return Reflect.apply(handle.read, this, asked);
    });
    onTestFinished(() => read.mockRestore());
    const chunks = await new RAG({ chunkOverlap: 0 }).addDocument(path);
    expect(chunks.reduce((sum, { content }) => sum + content.length + 1, 0)).toBe(700_000);
    expect(read.mock.calls.length).toBeLessThan(20);
  });

  test("content at hand has the same limit", async () => {
    const rag = new RAG({ maxBytes: 100 });
    expect(await codeOf(rag.addDocument({ content: "x".repeat(101) }))).toBe("document_too_large");
    expect(await codeOf(rag.addDocument({ content: new Uint8Array(101) }))).toBe("document_too_large");
    expect(await codeOf(rag.addDocument({ content: "x".repeat(100) }))).toBe("read");
  });
});
