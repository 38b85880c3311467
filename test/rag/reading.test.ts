import { type Chunk, type DocumentInput, RAG, type RAGOptions } from "rapidai/rag";
import { afterEach, describe, expect, test } from "vitest";
import { docxOf, encodedPdf, officePackage, pdfOf } from "./documents.ts";

const opened: RAG[] = [];
afterEach(async () => {
  for (const rag of opened.splice(0)) await rag.close();
});

async function chunksOf(document: DocumentInput, options: RAGOptions = {}): Promise<Chunk[]> {
  const rag = new RAG(options);
  opened.push(rag);
  return rag.addDocument(document);
}

async function textOf(document: DocumentInput): Promise<string> {
  return (await chunksOf(document)).map(({ content }) => content).join("\n");
}

describe("reading", () => {
  test("a PDF gives its text, its title, and each chunk's page", async () => {
    const pages = ["Leave is 30 days a year.", "Sick notes go to the office.", "The office is in the attic."];
    const chunks = await chunksOf({ content: await pdfOf(pages, "Handbook"), name: "handbook.pdf" }, { chunkSize: 32 });
    expect(chunks.map(({ content, metadata }) => [content, metadata.page])).toEqual(
      pages.map((text, index) => [text, index + 1]),
    );
    expect(chunks[0]?.metadata).toMatchObject({ source: "handbook.pdf", type: "pdf", title: "Handbook", index: 0 });
  });

  test.each([
    ["UniJIS-UCS2-H", "Japan1", "65e5672c8a9e306e6587", "日本語の文"],
    ["GBK-EUC-H", "GB1", "d6d0b9facac7", "中国是"],
    ["KSCms-UHC-H", "Korea1", "c7d1b1b9beee", "한국어"],
    ["Identity-H", "Japan1", "034b034d", "あい"],
  ])("a PDF in %s of %s gives its text", async (encoding, ordering, hex, text) => {
    expect(await textOf({ content: encodedPdf(encoding, ordering, Buffer.from(hex, "hex")) })).toBe(
      `${text}\n\nLatin.`,
    );
  });

  test("a Word document gives its paragraphs, tables and headings", async () => {
    const content = await docxOf(
      { Install: ["Run the installer as administrator."], Use: ["Click on whatever looks right, then wait."] },
      [
        ["key", "meaning"],
        ["F1", "help"],
      ],
    );
    const chunks = await chunksOf({ content, name: "guide.docx" }, { chunkSize: 80, chunkOverlap: 0 });
    expect(chunks.map(({ content, metadata }) => [metadata.heading, content])).toEqual([
      ["Install", "Install\n\nRun the installer as administrator."],
      ["Use", "Use\n\nClick on whatever looks right, then wait.\n\nkey | meaning\nF1 | help"],
    ]);
  });

  test("a Word document is one whatever its main part is called", async () => {
    const xml = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
    const text = `<w:document xmlns:w="${xml}"><w:body><w:p><w:r><w:t>Written in a browser.</w:t></w:r></w:p></w:body></w:document>`;
    const numbered = officePackage("word/document2.xml", text);
    expect(await textOf({ content: numbered })).toBe("Written in a browser.");
    expect(await textOf({ content: numbered, name: "a.docx" })).toBe("Written in a browser.");
    expect(await textOf({ content: officePackage("word/main.xml", text), name: "a.docx" })).toBe(
      "Written in a browser.",
    );
  });

  test("an HTML page gives what a reader sees, and its title and headings", async () => {
    const content = `<!doctype html><head><title> Our
      rules </title><style>p { color: red }</style></head><body><script>alert("no")</script>
      <h1>Be <em>kind</em></h1><p>To   everyone,<br>always.</p><noscript>no</noscript><template>no</template>
      <video>no</video><audio>no</audio><canvas>no</canvas>
      <table><tr><th>day<th>hours<tr><td>Monday<td>9 to 5</table><pre>  as
    is</pre><ul><li>one<li>two &amp; three</ul><img alt="a picture">`;
    const [chunk] = await chunksOf({ content });
    expect(chunk?.content).toBe(
      "Be kind\n\nTo everyone,\nalways.\n\nday | hours\nMonday | 9 to 5\n\n  as\n    is\n\none\ntwo & three\n\na picture",
    );
    expect(chunk?.metadata).toMatchObject({ type: "html", title: "Our rules", heading: "Be kind", offset: 0 });
  });

  test("of HTML pages one after another, the words stay apart, and the first title counts", async () => {
    const page = (title: string, text: string) => `<!doctype html><head><title>${title}</title></head><p>${text}</p>`;
    const [chunk] = await chunksOf({ content: page("One", "First page.") + page(" Two ", "Second page.") });
    expect(chunk?.content).toBe("First page.\n\nSecond page.");
    expect(chunk?.metadata.title).toBe("One");
    expect(await textOf({ content: "<p>first</p><title>Two</title>second", type: "html" })).toBe("first\n\nsecond");
  });

  test("Markdown stays as it is, with offset, line and heading of each chunk", async () => {
    const content =
      "Before it all.\n\n# One\n\nFirst things first.\n\n```sh\n# no heading\n```\n\nTwo\n---\nSecond things.\n";
    const chunks = await chunksOf({ content, name: "notes.md" }, { chunkSize: 60, chunkOverlap: 0 });
    for (const { content: piece, metadata } of chunks) {
      expect(content.slice(metadata.offset, metadata.offset + piece.length)).toBe(piece);
      expect(content.slice(0, metadata.offset).split("\n")).toHaveLength(metadata.line);
    }
    expect(chunks.map(({ metadata }) => metadata.heading)).toEqual([undefined, "One", "Two"]);
  });

  test.each([
    ["# Some words", "Some words"],
    ["##\tSome words \t##  ", "Some words"],
    ["# Some words#", "Some words#"],
    ["# In C #", "In C"],
    ["# # #", "#"],
    ["# ##", undefined],
    ["#", undefined],
    ["#Some words", undefined],
    ["####### Some words", undefined],
  ])("the heading of %j is %j", async (line, heading) => {
    expect((await chunksOf({ content: `${line}\n\nText.`, type: "markdown" }))[0]?.metadata.heading).toBe(heading);
  });

  test("front matter is no heading, and neither is what ends with a rule", async () => {
    const content = `---\ntitle: x\n---\n\nA paragraph of\ntwo lines\n---\n\n- item\n---\n${"and so on. ".repeat(5)}`;
    const chunks = await chunksOf({ content, type: "text/markdown" }, { chunkSize: 40 });
    expect(chunks.every(({ metadata }) => metadata.heading === undefined)).toBe(true);
  });

  test.each([
    ["UTF-8", Buffer.from("Grüße 😀")],
    ["UTF-8 with a mark", Buffer.from("\ufeffGrüße 😀")],
    ["UTF-16 little endian with a mark", Buffer.from("\ufeffGrüße 😀", "utf16le")],
    ["UTF-16 big endian with a mark", Buffer.from("\ufeffGrüße 😀", "utf16le").swap16()],
  ])("text in %s is read as such", async (_, content) => {
    expect(await textOf({ content, name: "a.txt" })).toBe("Grüße 😀");
  });

  test("text that is no UTF-8 is read as windows-1252, and a wrong byte in UTF-8 does not make it that", async () => {
    expect(await textOf({ content: Buffer.from("Grüße für 5 \x80", "latin1") })).toBe("Grüße für 5 €");
    expect(await textOf({ content: Buffer.concat([Buffer.from("Grüße, schöne"), Buffer.from([0xff])]) })).toBe(
      "Grüße, schöne\ufffd",
    );
  });

  test("an HTML page may say itself what it is written in", async () => {
    const page = Buffer.concat([
      Buffer.from('<html><meta charset="shift_jis"><p>'),
      Buffer.from([0x93, 0xfa, 0x96, 0x7b]),
    ]);
    expect(await textOf({ content: page, name: "a.html" })).toBe("日本");
  });

  test("a page of XHTML is known as one, and read in what its XML declaration says", async () => {
    const declared = '<?xml version="1.0" encoding="shift_jis"?>\n<?xml-stylesheet href="a.css"?>\n<!-- a -->\n';
    const doctype = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">\n';
    const page = Buffer.concat([
      Buffer.from(`${declared}${doctype}<html xmlns="http://www.w3.org/1999/xhtml"><script>1</script><p>`),
      Buffer.from([0x93, 0xfa, 0x96, 0x7b]),
    ]);
    const [chunk] = await chunksOf({ content: page });
    expect([chunk?.metadata.type, chunk?.content]).toEqual(["html", "日本"]);
    expect((await chunksOf({ content: `${declared}<feed>Not a page.</feed>` }))[0]?.metadata.type).toBe("text");
  });

  test("what a document is, its content says before its name does", async () => {
    const pdf = await pdfOf(["Really a PDF."]);
    const docx = await docxOf({ Title: ["Really Word."] });
    const typeOf = async (document: DocumentInput) => (await chunksOf(document))[0]?.metadata.type;
    expect(await typeOf({ content: pdf, name: "a.txt" })).toBe("pdf");
    expect(await typeOf({ content: docx, type: "application/pdf" })).toBe("docx");
    expect(await typeOf({ content: Buffer.from("<!DOCTYPE html><p>Really a page."), name: "a.txt" })).toBe("html");
    expect(await typeOf({ content: "no mark of its own", name: "README" })).toBe("text");
  });

  test("content is content, also beside a path of undefined", async () => {
    const [chunk] = await new RAG().addDocument({ content: "# Notes", name: "notes.md", path: undefined });
    expect(chunk?.metadata).toMatchObject({ type: "markdown", source: "notes.md" });
  });

  test("a page may have comments before it begins", async () => {
    const typeOf = async (content: string) => (await chunksOf({ content }))[0]?.metadata.type;
    expect(await typeOf("<!-- a -->\n<!----><!-- > -- -->\n<html><p>A page.")).toBe("html");
    expect(await typeOf("<!-- a --> b --> <html>")).toBe("text");
  });

  test("a text that speaks of PDF is no PDF, and a PDF with something before it is one", async () => {
    const typeOf = async (document: DocumentInput) => (await chunksOf(document))[0]?.metadata.type;
    const about = Buffer.from("# About PDF\n\nA PDF begins with %PDF-1.7 in its first line.");
    expect(await typeOf({ content: about, name: "about.md" })).toBe("markdown");
    expect(await typeOf({ content: about })).toBe("text");
    const mailed = Buffer.concat([
      Buffer.from("Content-Type: application/pdf\r\n\r\n"),
      await pdfOf(["Really a PDF."]),
    ]);
    expect(await typeOf({ content: mailed, name: "a.txt" })).toBe("pdf");
    expect(await typeOf({ content: mailed })).toBe("pdf");
  });

  test.each([
    ["<p>Weight: 10&nbsp;<b>kg</b></p>", "Weight: 10 kg"],
    ["<b>Hello</b>&nbsp;<b>World</b>", "Hello World"],
    ["<p>a&nbsp;<a href=x>b</a>&nbsp;c</p><p>&nbsp;</p><p>d", "a b c\n\nd"],
    ["<p>1&nbsp;000 <i>\u2003em\u2003</i>space</p>", "1\u00a0000 em space"],
    ["<pre>a&nbsp;<b>\u00a0b</b></pre>", "a\u00a0\u00a0b"],
  ])("spaces that do not collapse part the words of %j", async (html, text) => {
    expect(await textOf({ content: html, type: "html" })).toBe(text);
  });

  test("a byte order mark is no part of a text, given as a string either", async () => {
    for (const content of ["\ufeff# Leave\n\n30 days.", Buffer.from("\ufeff# Leave\n\n30 days.")]) {
      const [chunk] = await chunksOf({ content, name: "leave.md" });
      expect([chunk?.content, chunk?.metadata.heading]).toEqual(["# Leave\n\n30 days.", "Leave"]);
    }
  });

  test("a title that was given goes before the document's own", async () => {
    const content = "<title>Untitled 1</title><p>Rules.";
    expect((await chunksOf({ content, type: "html" }))[0]?.metadata.title).toBe("Untitled 1");
    const [chunk] = await chunksOf({ content, type: "html", metadata: { title: "Rules" } });
    expect(chunk?.metadata.title).toBe("Rules");
  });

  test("metadata cannot be changed in one place for all", async () => {
    const rag = new RAG();
    opened.push(rag);
    const [chunk] = await rag.addDocument({ content: "alpha", metadata: { tags: [{ name: "x" }] } });
    const tags = chunk?.metadata.tags as { name: string }[];
    expect(() => tags.push({ name: "y" })).toThrow(TypeError);
    expect(Object.isFrozen(tags[0])).toBe(true);
    expect((await rag.retrieve("alpha"))[0]?.metadata.tags).toEqual([{ name: "x" }]);
  });

  test("what was given with a document stands in each chunk, copied, behind its place", async () => {
    const metadata = { team: "people", tags: ["a"], offset: "mine" };
    const rag = new RAG();
    const [chunk] = await rag.addDocument({ content: "Some text.", source: "s", metadata });
    metadata.tags.push("later");
    expect(chunk?.metadata).toEqual({
      team: "people",
      tags: ["a"],
      source: "s",
      type: "text",
      index: 0,
      offset: 0,
      line: 1,
    });
  });
});
