import { JobError } from "../background/core/errors.ts";
import { checkOptions, wholeNumber } from "../background/core/options.ts";
import { shown } from "../background/core/text.ts";
import { lexicalEmbedder } from "./lexical.ts";
import { Pace } from "./pace.ts";

/** Options of {@link extractiveSummary}. */
export interface ExtractiveSummaryOptions {
  /** Maximum number of sentences, from 1 to 100. Default: 3. */
  readonly sentences?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Most sentences that are compared: a longer text is sampled evenly. */
const MAX_CANDIDATES = 2_000;
/** Lengths of a usable sentence, in characters: shorter ones say too little, longer ones are rarely sentences. */
const LENGTHS = { min: 25, max: 600 };
/** The weight of similarity to sentences chosen before, which counts against a sentence. */
const REDUNDANCY = 0.5;
/** The bonus of the first sentence, which decreases for later ones: texts tend to begin with what they are about. */
const LEAD = 0.1;

/**
 * Summarizes a text without a model, by choosing its most representative sentences. The summary is **extractive**: the
 * sentences are verbatim and in their original order. For a summary by a model, use `llm.complete("Summarize …")`.
 *
 * A sentence's score is its similarity to the whole text, by the `lexicalEmbedder`, minus its similarity to the
 * sentences already chosen (centroid with maximal marginal relevance: Radev et al. 2004, Carbonell and Goldstein 1998).
 *
 * @returns the sentences, joined by spaces; if none has 25 to 600 characters, the first 600 characters of the text
 * @throws JobError `invalid_option`
 * @example
 * ```ts
 * const chunks = await rag.addDocument("handbook.pdf");
 * const summary = await extractiveSummary(chunks.map(({ content }) => content).join("\n"), { sentences: 2 });
 * ```
 */
export async function extractiveSummary(text: string, options: ExtractiveSummaryOptions = {}): Promise<string> {
  if (typeof text !== "string")
    throw new JobError("invalid_option", `The text to summarize must be a string, not ${shown(text)}.`);
  checkOptions(options, ["sentences", "signal"], "options of extractiveSummary()");
  const count = wholeNumber(options.sentences ?? 3, 1, "sentences of extractiveSummary()", 100);
  const pace = new Pace(options.signal);
  const sentences = await candidatesOf(text, pace);
  if (sentences.length === 0) return text.trim().slice(0, LENGTHS.max);
  const vectors = await lexicalEmbedder().embed(sentences, options.signal && { signal: options.signal });
  const centroid = centroidOf(vectors);
  const relevance = vectors.map((vector, index) => dot(vector, centroid) + LEAD / (1 + index));
  const redundancy = vectors.map(() => 0);
  const chosen: number[] = [];
  while (chosen.length < Math.min(count, sentences.length)) {
    const best = bestOf(relevance, redundancy, chosen);
    chosen.push(best);
    for (const [index, vector] of vectors.entries()) {
      redundancy[index] = Math.max(redundancy[index] ?? 0, dot(vector, vectors[best] as Float32Array));
    }
    await pace.rest();
  }
  return chosen
    .sort((a, b) => a - b)
    .map((index) => sentences[index])
    .join(" ");
}

/** The distinct usable sentences, in order; a sample of them if there are too many. */
async function candidatesOf(text: string, pace: Pace): Promise<string[]> {
  const segmenter = new Intl.Segmenter(undefined, { granularity: "sentence" });
  const sentences = new Set<string>();
  // Paragraph by paragraph, so that a heading does not become part of the sentence after it.
  for (const paragraph of paragraphsOf(await withoutCode(text, pace))) {
    if (paragraph.length < LENGTHS.min) continue;
    for (const { segment } of segmenter.segment(paragraph.replace(SOFT_WRAP, " "))) {
      const sentence = segment.replace(/\s+/g, " ").replace(LIST_MARKER, "").trim();
      if (sentence.length >= LENGTHS.min && sentence.length <= LENGTHS.max && isProse(sentence))
        sentences.add(sentence);
    }
    if (pace.isDue) await pace.rest();
  }
  const all = [...sentences];
  const step = Math.max(1, all.length / MAX_CANDIDATES);
  return Array.from({ length: Math.ceil(all.length / step) }, (_, index) => all[Math.floor(index * step)] as string);
}

/** A fenced code block in Markdown. */
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

/** A line break that only wraps a paragraph, not followed by a list item: the segmenter would end a sentence there. */
const SOFT_WRAP = /\n(?![ \t]*(?:[-*+>#|]|\d+[.)])[ \t])/g;
/** A list item's bullet or number. */
const LIST_MARKER = /^\s*(?:[-*+>]|\d+[.)])\s+/;

/** Whether it begins and ends like a sentence, unlike a heading, a table row or a line of code. */
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

function bestOf(relevance: readonly number[], redundancy: readonly number[], chosen: readonly number[]): number {
  let best = -1;
  let highest = Number.NEGATIVE_INFINITY;
  for (const [index, value] of relevance.entries()) {
    const score = value - REDUNDANCY * (redundancy[index] ?? 0);
    if (score <= highest || chosen.includes(index)) continue;
    best = index;
    highest = score;
  }
  return best;
}

/** The vectors' mean direction, of length 1. */
function centroidOf(vectors: readonly Float32Array[]): Float32Array {
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
