import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { background, InMemoryQueue, JobError } from "rapidai/background";
import { type DocumentInput, RAG, type RAGOptions } from "rapidai/rag";
import { afterAll, describe, expect, test, vi } from "vitest";
import { headingsOf } from "../../src/rag/markdown.ts";
import { Pace } from "../../src/rag/pace.ts";
import { Reader } from "../../src/rag/reader.ts";
import { isComplete, rounds } from "../rounds.ts";
import { displacedPdf, docxOf, encryptedPdf, officePackage, pdfOf, unpackingPdf, zipOf } from "./documents.ts";

const shared = new RAG();
afterAll(() => shared.close());

async function faultOf(document: DocumentInput, rag: RAG = shared): Promise<JobError> {
  const outcome = await rag.addDocument(document).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(JobError);
  return outcome as JobError;
}

const PNG = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");
const OLE = Buffer.concat([Buffer.from("d0cf11e0a1b11ae1", "hex"), Buffer.alloc(600)]);
const WORD_WITHIN =
  '<Default Extension="docx" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document"/>';
const isKept = (part: number) => (bytes: Uint8Array) => bytes.subarray(0, Math.floor(bytes.length * part));

describe("a document that cannot be read is refused with its code:", () => {
  const cases: [string, string, () => Promise<DocumentInput> | DocumentInput][] = [
    ["nothing at all", "document_empty", () => ({ content: "" })],
    ["no bytes", "document_empty", () => ({ content: new Uint8Array(), name: "a.pdf" })],
    ["white space", "document_empty", () => ({ content: " \n\t\n" })],
    ["a page of markup alone", "document_empty", () => ({ content: "<html><body><script>1</script></body></html>" })],
    ["a PDF without words, as a scanner makes them", "document_empty", async () => ({ content: await pdfOf([""]) })],
    ["a PDF with a password", "document_encrypted", () => ({ content: encryptedPdf("hidden", "secret") })],
    [
      "a Word document with a password",
      "document_encrypted",
      () => ({ content: Buffer.concat([OLE, Buffer.from("EncryptedPackage", "utf16le")]), name: "a.docx" }),
    ],
    ["half a PDF", "document_unreadable", async () => ({ content: isKept(0.5)(await pdfOf(["a", "b"])) })],
    [
      "a PDF without its last bytes",
      "document_unreadable",
      async () => ({ content: (await pdfOf(["a"])).slice(0, -7) }),
    ],
    [
      "a PDF of garbage",
      "document_unreadable",
      () => ({ content: Buffer.from(`%PDF-1.7\n${"x".repeat(500)}\n%%EOF`) }),
    ],
    [
      "half a Word document",
      "document_unreadable",
      async () => ({ content: isKept(0.5)(await docxOf({ a: ["b"] })), name: "a.docx" }),
    ],
    [
      "a Word document with a changed byte",
      "document_unreadable",
      async () => ({ content: damaged(await docxOf({ a: ["b"] })) }),
    ],
    ["an older Word document", "document_unsupported", () => ({ content: OLE })],
    ["a picture", "document_unsupported", () => ({ content: PNG, name: "a" })],
    ["a picture named .txt", "document_mislabelled", () => ({ content: PNG, name: "a.txt" })],
    ["a picture named .pdf", "document_mislabelled", () => ({ content: PNG, name: "a.pdf" })],
    ["an error page named .pdf", "document_mislabelled", () => ({ content: Buffer.from("<html>404"), name: "a.pdf" })],
    ["text said to be Word", "document_mislabelled", () => ({ content: "hello", type: "docx" })],
    ["an archive named .docx", "document_mislabelled", () => ({ content: zipOf({ "a.xml": "<a/>" }), name: "a.docx" })],
    [
      "a workbook named .docx, with a Word document in it",
      "document_mislabelled",
      () => ({ content: officePackage("xl/workbook.xml", "<workbook/>", WORD_WITHIN), name: "a.docx" }),
    ],
    ["bytes named .md", "document_mislabelled", () => ({ content: Buffer.from([1, 0, 2, 0]), name: "a.md" })],
    ["UTF-16 without its mark", "document_unsupported", () => ({ content: Buffer.from("hello you", "utf16le") })],
    [
      "a Word document that unpacks to more than it says",
      "document_too_large",
      () => ({ content: zipOf({ "word/document.xml": Buffer.alloc(80 << 20) }) }),
    ],
  ];

  test.each(cases)("%s: %s", async (_, code, make) => {
    const error = await faultOf(await make());
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(/\.$|damaged/)]);
  });

  test("a part of a Word document that is another than it was is not read", async () => {
    const error = await faultOf({ content: zipOf({ "word/document.xml": "<a/>" }, 1) });
    expect(error.message).toMatch(/is a damaged Word document: its part word\/document.xml has a wrong checksum\.$/);
  });

  test("the password that nobody was asked for opens that PDF", async () => {
    const { extractText, getDocumentProxy } = await import("unpdf");
    const pdf = await getDocumentProxy(new Uint8Array(encryptedPdf("hidden", "secret")), { password: "secret" });
    expect((await extractText(pdf, { mergePages: true })).text).toBe("hidden");
  });

  test("a job that meets one fails at once, whatever retries it has", async () => {
    const queue = new InMemoryQueue();
    const add = background({ queue, maxRetries: 5 }, async function add() {
      await shared.addDocument({ content: encryptedPdf("hidden", "secret"), name: "salaries.pdf" });
    });
    const job = await add.wait(await add.enqueue());
    await queue.close();
    expect([job.status, job.attempts]).toEqual(["failed", 1]);
    expect(job.error).toBe('The document "salaries.pdf" is password-protected: save it without a password.');
  });
});

describe("hostile documents", () => {
  const timed = async (document: DocumentInput, options: RAGOptions = {}): Promise<string> => {
    const rag = new RAG(options);
    try {
      return (await rag.addDocument(document).then(
        () => "read",
        (error) => error.code,
      )) as string;
    } finally {
      await rag.close();
    }
  };

  test("a page of a hundred thousand nested elements is read", async () => {
    expect(await timed({ content: `<html>${"<div>".repeat(100_000)}deep` })).toBe("read");
  });

  test("a page with a hundred thousand siblings is read", async () => {
    expect(await timed({ content: `<html>${"<b>x</b>".repeat(100_000)}` })).toBe("read");
  });

  test("a text of comments is soon seen to be no page", { timeout: 10_000 }, async () => {
    expect(await timed({ content: `${"<!---->".repeat(32)}x` })).toBe("read");
    expect(await timed({ content: `${"<!-- \n -->\n\n".repeat(30)}<!--` })).toBe("read");
    expect(await timed({ content: `${"<?xml?><!---->".repeat(30)}<?xml` })).toBe("read");
  });

  test("headings of blanks take no longer than headings of words", async () => {
    const leastMs = async (line: string): Promise<number> => {
      const text = line.repeat((4 << 20) / line.length);
      const took: number[] = [];
      for (let round = 0; round < 3; round++) {
        const startedAt = performance.now();
        await headingsOf(text, new Pace());
        took.push(performance.now() - startedAt);
      }
      return Math.min(...took);
    };
    const words = await leastMs(`# ${"x ".repeat(500)}\n\n`);
    expect(await leastMs(`# x${" ".repeat(994)}x\n\n`)).toBeLessThan(20 * words);
    expect(await leastMs(`# ${" #".repeat(490)}x\n\n`)).toBeLessThan(20 * words);
    expect(await leastMs(`#${" ".repeat(500)}${"x".repeat(400)}\rx\n\n`)).toBeLessThan(20 * words);
  });

  test("looking for headings lets everything else go on, and can be stopped", async () => {
    const stop = new AbortController();
    setImmediate(() => stop.abort(new Error("no more")));
    await expect(headingsOf("#\n".repeat(4 << 20), new Pace(stop.signal))).rejects.toThrow("no more");
  });

  test("a PDF that has to be mended is read, and so is what comes after it", async () => {
    for (let round = 0; round < 5; round++) {
      const [mended, next] = await Promise.all([
        shared.addDocument({ content: displacedPdf("Words on a page."), source: "mended" }),
        shared.addDocument({ content: "<html><p>Next.", source: "next" }),
      ]);
      expect(mended.map(({ content }) => content)).toEqual(["Words on a page.\n\nWords on a page."]);
      expect(next.map(({ content }) => content)).toEqual(["Next."]);
    }
  });

  test("what gives more than 200,000 chunks is refused, and nothing of it embedded", async () => {
    const embed = vi.fn(async () => []);
    const rag = new RAG({ chunkSize: 32, chunkOverlap: 0, embedder: { embed } });
    await expect(
      rag.addDocument({ content: `${"x".repeat(31)} `.repeat(200_001), name: "x.txt" }),
    ).rejects.toMatchObject({
      code: "document_too_large",
      message: expect.stringContaining("more than 200,000 chunks"),
    });
    expect(embed).not.toHaveBeenCalled();
    await rag.close();
  });

  test("what takes longer than allowed is given up", async () => {
    const rag = new RAG({ readTimeout: "50ms" });
    const slow = { content: `<html>${"<a><b><i><p>".repeat(100_000)}`, source: "slow" };
    expect(await faultOf(slow, rag)).toMatchObject({
      code: "document_unreadable",
      message: 'The document "slow" could not be read within 50 ms: split it, or raise RAG\'s readTimeout.',
    });
    await rag.close();
  });

  test("what may take longer than a timer can wait is read", async () => {
    expect(await timed({ content: "<html>x" }, { readTimeout: "30d" })).toBe("read");
  });

  test.runIf(isComplete)(
    "what takes more memory than allowed is given up, and the program goes on",
    { timeout: 300_000 },
    async () => {
      expect(await timed({ content: `<html>${"<p a=1 b=2 c=3>x".repeat(2_000_000)}` }, { readTimeout: "5m" })).toBe(
        "document_too_large",
      );
    },
  );

  describe("of memory", () => {
    const read = (reader: Reader, content: Uint8Array) => reader.read({ kind: "pdf", content, what: "It" }, undefined);

    test("a PDF takes no more than is allowed, whatever it unpacks to", async () => {
      const reader = new Reader(60_000, 128);
      await expect(read(reader, unpackingPdf(300))).rejects.toMatchObject({
        code: "document_too_large",
        message: "It needs more than 128 MiB of memory to be read.",
      });
      expect((await read(reader, await pdfOf(["Fine."]))).text).toBe("Fine.");
      await reader.close();
    });

    test("a document's own size does not count, nor what the one before left behind", async () => {
      const reader = new Reader(60_000, 128);
      expect((await read(reader, unpackingPdf(10, 200))).text).toBe("");
      expect((await read(reader, unpackingPdf(10))).text).toBe("");
      await reader.close();
    });

    test("what a document is a part of does not count", async () => {
      const reader = new Reader(60_000, 128);
      const pdf = await pdfOf(["Fine."]);
      const upload = new Uint8Array(256 << 20);
      upload.set(pdf, 1_000);
      expect((await read(reader, upload.subarray(1_000, 1_000 + pdf.length))).text).toBe("Fine.");
      await reader.close();
    });

    test("what the rest of the program holds does not count", async () => {
      const reader = new Reader(60_000, 128);
      const held = new Uint8Array(256 << 20);
      expect((await read(reader, unpackingPdf(10))).text).toBe("");
      expect(held).toHaveLength(256 << 20);
      await reader.close();
    });

    test.runIf(isComplete)(
      "a page is given up before the engine's own bound is met, which ends the whole process now and then",
      { timeout: 300_000 },
      async () => {
        for (let round = 0; round < 3; round++) {
          const error = await faultOf({ content: `<html>${"<b>x</b>".repeat(4_000_000)}` });
          expect(error).toMatchObject({ code: "document_too_large", cause: { cause: undefined } });
        }
      },
    );
  });

  test("no bytes whatever harm, hang or come back as anything but text or a code", { timeout: 120_000 }, async () => {
    const pdf = await pdfOf(["One page of words."]);
    const docx = await docxOf({ Title: ["Some words."] });
    const scribbled = (bytes: Uint8Array) =>
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 20, size: "max" }).map((changes) => {
        const copy = Uint8Array.from(bytes);
        for (const [at, byte] of changes) copy[at] = byte;
        return copy;
      });
    const documents = fc.oneof(
      fc.uint8Array({ maxLength: 300, size: "max" }),
      fc
        .uint8Array({ maxLength: 300, size: "max" })
        .map((bytes) => Buffer.concat([Buffer.from("%PDF-1.4\n"), bytes, Buffer.from("\n%%EOF")])),
      fc
        .uint8Array({ maxLength: 300, size: "max" })
        .map((bytes) => Buffer.concat([Buffer.from("PK\x03\x04word/document.xml"), bytes])),
      scribbled(pdf),
      scribbled(docx),
      fc.string({ unit: "binary" }).map((text) => Buffer.from(`<html>${text}`)),
    );
    const names = fc.constantFrom(undefined, "a.txt", "a.md", "a.html", "a.pdf", "a.docx");
    await fc.assert(
      fc.asyncProperty(documents, names, async (content, name) => {
        const outcome = await shared.addDocument({ content, name, source: "fuzz" }).catch((error: unknown) => error);
        if (Array.isArray(outcome)) expect(outcome.length).toBeGreaterThan(0);
        else
          expect((outcome as JobError).code).toMatch(
            /^document_(empty|encrypted|mislabelled|unsupported|unreadable|too_large)$/,
          );
      }),
      { numRuns: 20 * rounds(10) },
    );
  });

  test("random bytes are refused, whatever they are said to be", async () => {
    for (const type of ["text", "markdown", "html", "pdf", "docx"]) {
      expect(await timed({ content: Buffer.concat([Buffer.alloc(1), randomBytes(100_000)]), type })).toBe(
        "document_mislabelled",
      );
    }
  });
});

/** Changes what a part is, and leaves what it should be. */
function damaged(docx: Uint8Array): Uint8Array {
  const copy = Buffer.from(docx);
  const at = copy.indexOf("word/document.xml") + 40;
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}
