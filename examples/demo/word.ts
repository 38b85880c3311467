import { Document, HeadingLevel, Packer, Paragraph } from "docx";

/** Turns a Markdown text into a Word document; headings stay headings. */
export async function wordOf(title: string, markdown: string): Promise<Uint8Array> {
  const children = markdown.split("\n").map((line) => {
    const heading = /^#{1,6} (.*)/.exec(line)?.[1];
    return heading === undefined
      ? new Paragraph(line)
      : new Paragraph({ text: heading, heading: HeadingLevel.HEADING_1 });
  });
  return new Uint8Array(await Packer.toBuffer(new Document({ title, sections: [{ children }] })));
}
