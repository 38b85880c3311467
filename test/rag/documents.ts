// Real documents: made by the libraries that programs make them with, and by hand what those do not make.
import { createHash } from "node:crypto";
import { crc32, deflateRawSync, deflateSync } from "node:zlib";
import { Document, HeadingLevel, Packer, Paragraph, Table, TableCell, TableRow } from "docx";
import { PDFDocument, StandardFonts } from "pdf-lib";

/** A PDF with a page for each text; no text, no words on the page. */
export async function pdfOf(pages: readonly string[], title?: string): Promise<Uint8Array> {
  const pdf = await PDFDocument.create();
  if (title !== undefined) pdf.setTitle(title);
  const font = await pdf.embedFont(StandardFonts.Helvetica);
  for (const text of pages) {
    const page = pdf.addPage();
    page.drawText(text, { x: 50, y: 750, font, size: 12, lineHeight: 14 });
  }
  return pdf.save();
}

/** A Word document of sections, each a heading and paragraphs, and a table. */
export async function docxOf(
  sections: Readonly<Record<string, readonly string[]>>,
  rows: readonly (readonly string[])[] = [],
): Promise<Uint8Array> {
  const children: (Paragraph | Table)[] = Object.entries(sections).flatMap(([heading, paragraphs]) => [
    new Paragraph({ text: heading, heading: HeadingLevel.HEADING_1 }),
    ...paragraphs.map((text) => new Paragraph(text)),
  ]);
  if (rows.length > 0) {
    const cells = (row: readonly string[]) => row.map((text) => new TableCell({ children: [new Paragraph(text)] }));
    children.push(new Table({ rows: rows.map((row) => new TableRow({ children: cells(row) })) }));
  }
  return Packer.toBuffer(new Document({ sections: [{ children }] }));
}

const OPENXML = "http://schemas.openxmlformats.org";

/** A document of Office whose main part is called so. */
export function officePackage(main: string, content: string, types = ""): Buffer {
  const relationship = `Id="r" Type="${OPENXML}/officeDocument/2006/relationships/officeDocument" Target="${main}"`;
  return zipOf({
    "[Content_Types].xml": `<Types xmlns="${OPENXML}/package/2006/content-types">${types}</Types>`,
    "_rels/.rels": `<Relationships xmlns="${OPENXML}/package/2006/relationships"><Relationship ${relationship}/></Relationships>`,
    [main]: content,
  });
}

/** A zip archive that is wrong about how long its parts are; also about what they are, if a checksum is given. */
export function zipOf(parts: Readonly<Record<string, string | Buffer>>, crc?: number): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let at = 0;
  for (const [name, part] of Object.entries(parts)) {
    const content = Buffer.from(part);
    const packed = deflateRawSync(content, { level: 1 });
    const header = Buffer.alloc(26);
    header.writeUInt16LE(20, 0);
    header.writeUInt16LE(8, 4);
    header.writeUInt32LE(crc ?? crc32(content), 10);
    header.writeUInt32LE(packed.length, 14);
    header.writeUInt32LE(100, 18); // which is not true
    header.writeUInt16LE(name.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(at, 10);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), header, Buffer.from(name), packed]);
    locals.push(local);
    entries.push(Buffer.from("PK\x01\x02"), Buffer.from([20, 0]), header, place, Buffer.from(name));
    at += local.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(locals.length, 4);
  end.writeUInt16LE(locals.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...locals, directory, Buffer.from("PK\x05\x06"), end]);
}

/** The padding of passwords: ISO 32000-1, 7.6.3.3, algorithm 2, step a. */
const PADDING = Buffer.from("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a", "hex");

/** A PDF that asks for a password (the standard security handler, revision 2, with RC4 of 40 bits). */
export function encryptedPdf(text: string, password: string): Uint8Array {
  const padded = Buffer.concat([Buffer.from(password), PADDING]).subarray(0, 32);
  const id = Buffer.from("0123456789abcdef");
  const permissions = -4;
  const owner = rc4(md5(padded).subarray(0, 5), padded);
  const bits = Buffer.alloc(4);
  bits.writeInt32LE(permissions);
  const key = md5(Buffer.concat([padded, owner, bits, id])).subarray(0, 5);
  const user = rc4(key, PADDING);
  const content = Buffer.from(`BT /F1 12 Tf 50 750 Td (${text}) Tj ET`);
  // The content is object 4: its key has that number and generation 0 in it.
  const stream = rc4(md5(Buffer.concat([key, Buffer.from([4, 0, 0, 0, 0])])).subarray(0, 10), content);
  const hex = (bytes: Buffer) => `<${bytes.toString("hex")}>`;
  const objects = [
    Buffer.from("<< /Type /Catalog /Pages 2 0 R >>"),
    Buffer.from("<< /Type /Pages /Kids [3 0 R] /Count 1 >>"),
    Buffer.from(
      "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    ),
    Buffer.concat([Buffer.from(`<< /Length ${stream.length} >>\nstream\n`), stream, Buffer.from("\nendstream")]),
    Buffer.from("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"),
    Buffer.from(`<< /Filter /Standard /V 1 /R 2 /O ${hex(owner)} /U ${hex(user)} /P ${permissions} >>`),
  ];
  return pdfFrom(objects, `/Encrypt 6 0 R /ID [${hex(id)} ${hex(id)}]`);
}

/** A PDF with a page that unpacks to so many MiB of blanks: of a few kilobytes, but for what else is in it. */
export function unpackingPdf(mib: number, otherMib = 0): Uint8Array {
  const content = deflateSync(deflateSync(Buffer.alloc(mib << 20, " "), { level: 1 }));
  const stream = (bytes: Buffer, filter: string) =>
    Buffer.concat([
      Buffer.from(`<< /Length ${bytes.length} ${filter} >>\nstream\n`),
      bytes,
      Buffer.from("\nendstream"),
    ]);
  return pdfFrom([
    Buffer.from("<< /Type /Catalog /Pages 2 0 R >>"),
    Buffer.from("<< /Type /Pages /Kids [3 0 R] /Count 1 >>"),
    Buffer.from("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << >> >>"),
    stream(content, "/Filter [/FlateDecode /FlateDecode]"),
    stream(Buffer.alloc(otherMib << 20, " "), ""),
  ]);
}

/**
 * A PDF with a text in one of the encodings of Chinese, Japanese and Korean, as `UniJIS-UCS2-H` of `Japan1`, and with a line in
 * Latin letters.
 */
export function encodedPdf(encoding: string, ordering: string, bytes: Buffer): Uint8Array {
  const text = `BT /F1 24 Tf 100 700 Td <${bytes.toString("hex")}> Tj ET BT /F2 24 Tf 100 600 Td (Latin.) Tj ET`;
  const font = "<< /Type /Font /BaseFont";
  const system = `/CIDSystemInfo << /Registry (Adobe) /Ordering (${ordering}) /Supplement 2 >>`;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /F1 5 0 R /F2 8 0 R >> >> >>",
    `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
    `${font} /Some /Subtype /Type0 /Encoding /${encoding} /DescendantFonts [6 0 R] >>`,
    `${font} /Some /Subtype /CIDFontType0 ${system} /DW 1000 /FontDescriptor 7 0 R >>`,
    "<< /Type /FontDescriptor /FontName /Some /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>",
    `${font} /Helvetica /Subtype /Type1 >>`,
  ];
  return pdfFrom(objects.map((object) => Buffer.from(object)));
}

/** A PDF of two pages that are not quite where it says they are, as after somebody edited it: readers mend that. */
export function displacedPdf(text: string): Uint8Array {
  const content = `BT /F1 24 Tf 100 700 Td (${text}) Tj ET`;
  const page =
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 5 0 R /Resources << /Font << /F1 6 0 R >> >> >>";
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
    page,
    page,
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  return pdfFrom(
    objects.map((object) => Buffer.from(object)),
    "",
    [3, 4],
  );
}

/** A file of objects, numbered from 1, the first of them its catalog. */
function pdfFrom(objects: readonly Buffer[], trailer = "", displaced: readonly number[] = []): Uint8Array {
  const parts: Buffer[] = [Buffer.from("%PDF-1.4\n")];
  const offsets: number[] = [];
  for (const [index, object] of objects.entries()) {
    offsets.push(Buffer.concat(parts).length + (displaced.includes(index + 1) ? 2 : 0));
    parts.push(Buffer.from(`${index + 1} 0 obj\n`), object, Buffer.from("\nendobj\n"));
  }
  const table = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  const start = Buffer.concat(parts).length;
  parts.push(
    Buffer.from(
      `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R ${trailer} >>\nstartxref\n${start}\n%%EOF\n`,
    ),
  );
  return Buffer.concat(parts);
}

function md5(bytes: Buffer): Buffer {
  return createHash("md5").update(bytes).digest();
}

function rc4(key: Buffer, bytes: Buffer): Buffer {
  const state = Array.from({ length: 256 }, (_, index) => index);
  const swap = (a: number, b: number) => {
    [state[a], state[b]] = [state[b] as number, state[a] as number];
  };
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + (state[i] as number) + (key[i % key.length] as number)) & 255;
    swap(i, j);
  }
  let i = 0;
  let j = 0;
  return Buffer.from(bytes).map((byte) => {
    i = (i + 1) & 255;
    j = (j + (state[i] as number)) & 255;
    swap(i, j);
    return byte ^ (state[((state[i] as number) + (state[j] as number)) & 255] as number);
  }) as Buffer;
}
