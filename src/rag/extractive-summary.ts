import { JobError } from "../background/core/errors.ts";
import { checkOptions, wholeNumber } from "../background/core/options.ts";
import { shown } from "../background/core/text.ts";
import { lexicalEmbedder } from "./lexical.ts";
import { Pace } from "./pace.ts";

/** Settings of {@link extractiveSummary}. */
export interface ExtractiveSummaryOptions {
  /** Most sentences, from 1 to 100; default 3. */
  readonly sentences?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Most sentences that are compared: of a longer text, as many from all over it. */
const MAX_CANDIDATES = 2_000;
/** A sentence is too short to say something, or too long to be one, outside of these; in characters. */
const LENGTHS = { min: 25, max: 600 };
/** How much likeness to what is already chosen counts against a sentence, beside likeness to the whole. */
const REDUNDANCY = 0.5;
/** What the first sentences gain: texts begin with what they are about. */
const LEAD = 0.1;

/**
 * The sentences that say most of what a text says, word for word and in their order: **extractive**, nobody wrote them for
 * this. For use without a model; a model's summary is `llm.complete("Summarize …")`.
 *
 * A sentence counts by how alike it and the whole text are, by the {@link lexicalEmbedder}, less how alike it is to what was
 * chosen before it (centroid with maximal marginal relevance: Radev et al. 2004, Carbonell and Goldstein 1998).
 *
 * @returns the sentences, a space between them; the text itself, up to 600 characters, if it has none of 25 to 600 characters
 * @throws JobError `invalid_option`
 * @example
 * ```ts
 * const chunks = await rag.addDocument("handbook.pdf");
 * const summary = await extractiveSummary(chunks.map(({ content }) => content).join("\n"), { sentences: 2 });
 * ```
 */
export async function extractiveSummary(text: string, options: ExtractiveSummaryOptions = {}): Promise<string> {
  if (typeof text !== "string")
    throw new JobError("invalid_option", `The text to summarize is ${shown(text)}: give a string.`);
  checkOptions(options, ["sentences", "signal"], "options of extractiveSummary()");
  const count = wholeNumber(options.sentences ?? 3, 1, "sentences of extractiveSummary()", 100);
  const pace = new Pace(options.signal);
  const sentences = await candidatesOf(text, pace);
  if (sentences.length === 0) return text.trim().slice(0, LENGTHS.max);
  const vectors = await lexicalEmbedder().embed(sentences, options.signal && { signal: options.signal });
  const whole = sumOf(vectors);
  const worth = vectors.map((vector, index) => dot(vector, whole) + LEAD / (1 + index));
  const likeness = vectors.map(() => 0);
  const chosen: number[] = [];
  while (chosen.length < Math.min(count, sentences.length)) {
    const best = bestOf(worth, likeness, chosen);
    chosen.push(best);
    for (const [index, vector] of vectors.entries()) {
      likeness[index] = Math.max(likeness[index] ?? 0, dot(vector, vectors[best] as Float32Array));
    }
    await pace.rest();
  }
  return chosen
    .sort((a, b) => a - b)
    .map((index) => sentences[index])
    .join(" ");
}

/** Sentences worth looking at, each once, in order. */
async function candidatesOf(text: string, pace: Pace): Promise<string[]> {
  const segmenter = new Intl.Segmenter(undefined, { granularity: "sentence" });
  const sentences = new Set<string>();
  // Paragraph by paragraph: a heading is not the beginning of the sentence below it.
  for (const paragraph of paragraphsOf(await withoutCode(text, pace))) {
    if (paragraph.length < LENGTHS.min) continue;
    for (const { segment } of segmenter.segment(paragraph.replace(WRAPPED, " "))) {
      const sentence = segment.replace(/\s+/g, " ").replace(MARK, "").trim();
      if (sentence.length >= LENGTHS.min && sentence.length <= LENGTHS.max && isProse(sentence))
        sentences.add(sentence);
    }
    if (pace.isDue) await pace.rest();
  }
  const all = [...sentences];
  const step = Math.max(1, all.length / MAX_CANDIDATES);
  return Array.from({ length: Math.ceil(all.length / step) }, (_, index) => all[Math.floor(index * step)] as string);
}

/** A block of code in Markdown. */
const CODE = /^(```|~~~)[\s\S]{0,20000}?^\1/gm;
async function withoutCode(text: string, pace: Pace): Promise<string> {
  const parts: string[] = [];
  let end = 0;
  for (const { 0: code, index } of text.matchAll(CODE)) {
    parts.push(text.slice(end, index));
    end = index + code.length;
    if (pace.isDue) await pace.rest();
  }
  parts.push(text.slice(end));
  return parts.join("\n\n");
}

/** A line break that only the width of the page was for, which the segmenter would end a sentence at. */
const WRAPPED = /\n(?![ \t]*(?:[-*+>#|]|\d+[.)])[ \t])/g;
/** What a list has before its items. */
const MARK = /^\s*(?:[-*+>]|\d+[.)])\s+/;

/** Not a heading, a row of a table, a line of code: it has some words, and begins and ends as sentences do. */
function isProse(sentence: string): boolean {
  return (
    /^[\p{L}\p{N}"'(“«`]/u.test(sentence) && /[.!?…。！？]["')\]»”’]?$/.test(sentence) && !sentence.includes(" | ")
  );
}

const MAX_PARAGRAPH = 10_000;

function* paragraphsOf(text: string): Iterable<string> {
  const blank = /\n[ \t\r\n]*\n/g;
  for (let start = 0; start < text.length; ) {
    const end = Math.min(start + MAX_PARAGRAPH, text.length);
    blank.lastIndex = start;
    const gap = blank.exec(text.slice(0, end));
    yield text.slice(start, gap?.index ?? end);
    start = gap === null ? end : blank.lastIndex;
  }
}

function bestOf(worth: readonly number[], likeness: readonly number[], chosen: readonly number[]): number {
  let best = -1;
  let most = Number.NEGATIVE_INFINITY;
  for (const [index, value] of worth.entries()) {
    const gain = value - REDUNDANCY * (likeness[index] ?? 0);
    if (gain <= most || chosen.includes(index)) continue;
    best = index;
    most = gain;
  }
  return best;
}

/** The direction of all of them together, of length 1. */
function sumOf(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors)
    for (let index = 0; index < sum.length; index++) sum[index] = (sum[index] ?? 0) + (vector[index] ?? 0);
  const length = Math.sqrt(dot(sum, sum)) || 1;
  return sum.map((each) => each / length);
}

function dot(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < one.length; index++) sum += (one[index] as number) * (other[index] as number);
  return sum;
}
