import type { DefaultTreeAdapterTypes as Tree } from "parse5";
import { missingPackage } from "../document-error.ts";
import type { DocumentText, Heading } from "../document-text.ts";
import { MAX_HEADING } from "../markdown.ts";

/** Reads an HTML page as a user sees it: without scripts and styles, and with a line for each block. */
export async function readHtml(html: string): Promise<DocumentText> {
  const { parse } = await loadParse5();
  return textOf(parse(html));
}

/** Not shown as text; the content of some is only for browsers that do not know them. */
const HIDDEN = new Set([
  "script",
  "style",
  "template",
  "noscript",
  "iframe",
  "object",
  "video",
  "audio",
  "canvas",
  "svg",
  "math",
  "select",
  "datalist",
]);
const PARAGRAPHS = new Set(
  "p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre section article header footer main nav aside figure form hr".split(
    " ",
  ),
);
const LINES = new Set(
  "div li dt dd tr br caption figcaption address fieldset legend details summary option".split(" "),
);
const HEADING = /^h[1-6]$/;
const CELL = /^t[dh]$/;

/** Traverses the tree without recursion: a hostile page may be a hundred thousand elements deep. */
function textOf(document: Tree.Document): DocumentText {
  const page = new PageText();
  // The siblings at each depth, and the index of the next one: searching for a node among its siblings would be slow.
  const stack = [{ siblings: document.childNodes, next: 0 }];
  for (let level = stack.at(-1); level !== undefined; level = stack.at(-1)) {
    const node = level.siblings[level.next++];
    if (node === undefined) {
      stack.pop();
      const above = stack.at(-1);
      const parent = above?.siblings[above.next - 1];
      if (parent !== undefined) leave(parent, page);
    } else if (enter(node, page)) stack.push({ siblings: "childNodes" in node ? node.childNodes : [], next: 0 });
    else leave(node, page);
  }
  return page.finish();
}

/** Returns whether to visit the node's children. */
function enter(node: Tree.ChildNode, page: PageText): boolean {
  if (node.nodeName === "#text") page.add((node as Tree.TextNode).value);
  if (!("tagName" in node) || HIDDEN.has(node.tagName)) return false;
  const { tagName } = node;
  if (tagName === "title") page.beginTitle();
  else if (tagName === "img") page.add(node.attrs.find(({ name }) => name === "alt")?.value ?? "");
  else if (CELL.test(tagName)) page.beginCell();
  else if (PARAGRAPHS.has(tagName)) page.breakUp("\n\n");
  else if (LINES.has(tagName)) page.breakUp("\n");
  if (tagName === "pre") page.isPreformatted = true;
  if (HEADING.test(tagName)) page.beginHeading();
  return true;
}

function leave(node: Tree.ChildNode, page: PageText): void {
  if (!("tagName" in node)) return;
  const { tagName } = node;
  if (HEADING.test(tagName)) page.endHeading();
  if (tagName === "pre") page.isPreformatted = false;
  if (tagName === "title") page.endTitle();
  else if (CELL.test(tagName)) page.endCell();
  else if (PARAGRAPHS.has(tagName)) page.breakUp("\n\n");
  else if (LINES.has(tagName)) page.breakUp("\n");
}

/** What separates two texts. */
type Gap = "" | " " | " | " | "\n" | "\n\n";

/** Builds a page's text. White space collapses as in a browser, and a break is only written before further text. */
class PageText {
  isPreformatted = false;
  #parts: string[] = [];
  #length = 0;
  /** The break to write before the next text. */
  #gap: Gap = "";
  #isCellEmpty = false;
  readonly #headings: Heading[] = [];
  #headingAt: { readonly offset: number; readonly part: number } | undefined;
  #title: string | null = null;
  /** The text around the title, while the title is being read. */
  #outside: { readonly parts: string[]; readonly length: number; readonly gap: Gap } | undefined;

  add(text: string): void {
    // Spaces that do not collapse, such as `&nbsp;`, separate words too: at the text's ends they become a break.
    const words = this.isPreformatted ? text : text.replace(/[ \t\n\f\r]+/g, " ").trim();
    if (!this.isPreformatted && /^\s/.test(text)) this.breakUp(" ");
    if (words === "") return;
    if (this.#length > 0 && this.#gap !== "") this.#push(this.#gap);
    this.#gap = "";
    this.#isCellEmpty = false;
    this.#push(words);
    if (!this.isPreformatted && /\s$/.test(text)) this.breakUp(" ");
  }

  /** Requests a break before the next text. The widest one counts; at the start of a table cell none does. */
  breakUp(gap: " " | "\n" | "\n\n"): void {
    if (this.#isCellEmpty) return;
    if (gap.length > this.#gap.length || (gap !== " " && (this.#gap === " " || this.#gap === " | "))) this.#gap = gap;
  }

  beginCell(): void {
    if (this.#gap === "" || this.#gap === " ") this.#gap = " | ";
    this.#isCellEmpty = true;
  }

  endCell(): void {
    if (!this.#isCellEmpty) this.#gap = "";
    this.#isCellEmpty = false;
  }

  beginHeading(): void {
    const offset = this.#length === 0 ? 0 : this.#length + this.#gap.length;
    this.#headingAt = { offset, part: this.#parts.length };
  }

  endHeading(): void {
    if (this.#headingAt === undefined) return;
    const { offset, part } = this.#headingAt;
    const text = this.#parts.slice(part).join("").trim().slice(0, MAX_HEADING);
    if (text !== "") this.#headings.push({ offset, text });
    this.#headingAt = undefined;
  }

  beginTitle(): void {
    this.#outside ??= { parts: this.#parts, length: this.#length, gap: this.#gap };
    this.#parts = [];
  }

  endTitle(): void {
    if (this.#outside === undefined) return;
    this.#title ??= this.#parts.join("").trim().slice(0, MAX_HEADING) || null;
    ({ parts: this.#parts, length: this.#length, gap: this.#gap } = this.#outside);
    this.#outside = undefined;
  }

  finish(): DocumentText {
    return { text: this.#parts.join(""), title: this.#title, headings: this.#headings, pages: null };
  }

  #push(part: string): void {
    this.#parts.push(part);
    this.#length += part.length;
  }
}

async function loadParse5(): Promise<typeof import("parse5")> {
  try {
    return await import("parse5");
  } catch (error) {
    throw missingPackage("HTML and Word documents", ["parse5"], error);
  }
}
