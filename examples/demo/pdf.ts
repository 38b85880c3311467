import { PDFDocument, type PDFFont, StandardFonts } from "pdf-lib";

const [WIDTH, HEIGHT, MARGIN, SIZE, LEADING] = [595, 842, 56, 10, 14];

/** Turns a text into a PDF of as many pages as it needs. */
export async function pdfOf(title: string, text: string): Promise<Uint8Array> {
  const pdf = await PDFDocument.create();
  pdf.setTitle(title);
  const font = await pdf.embedFont(StandardFonts.Helvetica);
  let page = pdf.addPage([WIDTH, HEIGHT]);
  let y = HEIGHT - MARGIN;
  for (const line of linesOf(text, font)) {
    if (y < MARGIN) {
      page = pdf.addPage([WIDTH, HEIGHT]);
      y = HEIGHT - MARGIN;
    }
    page.drawText(line, { x: MARGIN, y, size: SIZE, font });
    y -= LEADING;
  }
  return pdf.save();
}

/** Wraps text at the page's width, without the characters that this font lacks. */
function* linesOf(text: string, font: PDFFont): Generator<string> {
  const known = new Set(font.getCharacterSet());
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      const plain = Array.from(word, (letter) => (known.has(letter.codePointAt(0) as number) ? letter : "?")).join("");
      const longer = line === "" ? plain : `${line} ${plain}`;
      if (font.widthOfTextAtSize(longer, SIZE) > WIDTH - 2 * MARGIN) {
        yield line;
        line = plain;
      } else line = longer;
    }
    yield line;
  }
}
