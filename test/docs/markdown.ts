import { existsSync, globSync, readFileSync } from "node:fs";
import { ROOT } from "../examples/program.ts";

/** A fenced block of code. */
interface Block {
  /** The file and line of its first line, as an editor opens it. */
  readonly at: string;
  readonly language: string;
  /** What stands behind the language. */
  readonly info: string;
  readonly text: string;
}

/** A link, or an image. */
export interface Link {
  readonly at: string;
  readonly target: string;
}

/** Fenced code, and everything else. */
export interface Page {
  readonly blocks: readonly Block[];
  readonly prose: readonly { readonly at: string; readonly text: string }[];
}

/** All pages for readers, from the repository's root. */
export function pages(): readonly string[] {
  const files = globSync(["{README,ARCHITECTURE,CONTRIBUTING}.md", "docs/**/*.md"], { cwd: ROOT });
  return files.map((file) => file.replaceAll("\\", "/")).sort();
}

export function readPage(file: string): Page {
  const blocks: Block[] = [];
  const prose: { at: string; text: string }[] = [];
  let open: { fence: string; at: string; info: string; lines: string[] } | undefined;
  for (const [index, line] of readLines(file).entries()) {
    const [, fence = "", info = ""] = /^ {0,3}(`{3,}|~{3,})\s*(.*)$/.exec(line) ?? [];
    if (open === undefined) {
      if (fence === "") prose.push({ at: `${file}:${index + 1}`, text: line });
      else open = { fence, at: `${file}:${index + 2}`, info: info.trim(), lines: [] };
    } else if (fence.startsWith(open.fence) && info === "") {
      blocks.push(blockOf(open));
      open = undefined;
    } else open.lines.push(line);
  }
  if (open !== undefined) throw new Error(`The block of code at ${open.at} has no end.`);
  return { blocks, prose };
}

/** Inline, as references, and as HTML; what stands in `code` is none. */
export function linksOf(page: Page): readonly Link[] {
  const patterns = [/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g, /^\s*\[[^\]]+\]:\s*<?([^\s>]+)/g, /\b(?:href|src)="([^"]+)"/g];
  return page.prose.flatMap(({ at, text }) => {
    const plain = text.replaceAll(/`+[^`]*`+/g, "code");
    return patterns.flatMap((pattern) => [...plain.matchAll(pattern)].map(([, target = ""]) => ({ at, target })));
  });
}

/** The anchors that GitHub makes of a page's headings, and those that it has itself. */
export function anchorsOf(file: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const { text } of readPage(file).prose) {
    for (const [, name = ""] of text.matchAll(/\b(?:id|name)="([^"]+)"/g)) anchors.add(name);
    const heading = /^ {0,3}#{1,6}\s+(.*?)\s*#*$/.exec(text)?.[1];
    if (heading === undefined) continue;
    const slug = slugOf(heading);
    let unique = slug;
    for (let n = 1; anchors.has(unique); n++) unique = `${slug}-${n}`;
    anchors.add(unique);
  }
  return anchors;
}

/** Such programs need a Redis server: `coming-from-bullmq.test.ts` runs them. */
export function usesBullMq({ text }: Block): boolean {
  return text.includes('from "bullmq"');
}

export function exists(file: string): boolean {
  return existsSync(`${ROOT}${file}`);
}

export function readLines(file: string): readonly string[] {
  return readFileSync(`${ROOT}${file}`, "utf8").split(/\r?\n/);
}

function blockOf(open: { at: string; info: string; lines: readonly string[] }): Block {
  const [language = "", ...info] = open.info.split(/\s+/);
  return { at: open.at, language, info: info.join(" "), text: open.lines.join("\n") };
}

function slugOf(heading: string): string {
  const text = heading.replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll(/[`*]/g, "");
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, "")
    .replaceAll(" ", "-");
}
