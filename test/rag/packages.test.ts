import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Reads a document in a program that has none of the readers' packages. */
async function readWithout(
  reader: string,
  call: string,
): Promise<{ code: string; message: string; isPermanent: boolean }> {
  const program = `
    import { registerHooks } from "node:module";
    const isMissing = (name) => ["unpdf", "mammoth", "parse5"].includes(name);
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
  expect(await readWithout(reader, call)).toEqual({ code: "package_missing", message, isPermanent: true });
});
