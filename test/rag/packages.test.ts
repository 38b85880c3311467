import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { encodedPdf } from "./documents.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Reads a document in a program that does not have some of the readers' packages. */
async function readWithout(
  packages: readonly string[],
  reader: string,
  call: string,
): Promise<{ code: string; message: string; isPermanent: boolean }> {
  const program = `
    import { registerHooks } from "node:module";
    const isMissing = (name) => ${JSON.stringify(packages)}.includes(name.split("/")[0]);
    registerHooks({
      resolve(name, context, next) {
        if (isMissing(name)) throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
        return next(name, context);
      },
    });
    const reader = await import("./src/rag/readers/${reader}.ts");
    const error = await reader.${call}.catch((error) => error);
    console.log(JSON.stringify({ code: error.code, message: error.message, isPermanent: error.cause?.name === "PermanentError" }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: ROOT,
  });
  return JSON.parse(stdout);
}

test.each([
  ["html", 'readHtml("<p>x")', "Reading HTML and Word documents needs the package parse5: npm install parse5"],
  [
    "pdf",
    'readPdf(Buffer.from("%PDF-1.7 %%EOF"), "a.pdf")',
    "Reading PDF documents needs the package unpdf: npm install unpdf",
  ],
  [
    "docx",
    'readDocx(Buffer.from("PK"), "a.docx")',
    "Reading Word documents needs the packages mammoth and parse5: npm install mammoth parse5",
  ],
])("without its package, reading %s says in a sentence what to install", async (reader, call, message) => {
  expect(await readWithout(["unpdf", "mammoth", "parse5"], reader, call)).toEqual({
    code: "package_missing",
    message,
    isPermanent: true,
  });
});

test("a PDF whose characters cannot be told without a package is not read in part", async () => {
  const pdf = Buffer.from(encodedPdf("UniJIS-UCS2-H", "Japan1", Buffer.from("65e5672c", "hex"))).toString("base64");
  expect(
    await readWithout(["pdfjs-dist"], "pdf", `readPdf(new Uint8Array(Buffer.from("${pdf}", "base64")), "a.pdf")`),
  ).toEqual({
    code: "package_missing",
    message:
      "Reading PDF documents in Chinese, Japanese or Korean needs the package pdfjs-dist: npm install pdfjs-dist",
    isPermanent: true,
  });
});
