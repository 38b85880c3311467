import { wholeNumber } from "../background/core/options.ts";
import type { Embedder } from "./embedder.ts";
import { Pace } from "./pace.ts";

/** Settings of a {@link lexicalEmbedder}. */
export interface LexicalEmbedderOptions {
  /** Numbers of each vector, a power of two from 64 to 4,096; default 512. More of them confuse fewer words. */
  readonly dimensions?: number | undefined;
}

/**
 * Embeds by the words and parts of words of a text: **lexical, not semantic**. It finds passages that share words with
 * a question, in whatever inflection; it does not know that a car is a vehicle. No network, no model, no key: the same
 * text gives the same vector everywhere.
 *
 * Words and, with less weight, their trigrams are hashed into a vector (the hashing trick, Weinberger et al. 2009); each
 * number is replaced by its signed square root, so that the tenth occurrence of a word says less than the first; short
 * words weigh less, for frequent words are short (Zipf 1935). Scripts without spaces go by pairs of characters.
 *
 * @throws JobError `invalid_option`
 * @example
 * ```ts
 * const rag = new RAG({ embedder: lexicalEmbedder({ dimensions: 1024 }) });
 * ```
 */
export function lexicalEmbedder({ dimensions = 512 }: LexicalEmbedderOptions = {}): Embedder<Float32Array> & {
  readonly name: "lexical";
} {
  wholeNumber(dimensions, 64, "dimensions of a lexical embedder", 4_096);
  const size = 2 ** Math.round(Math.log2(dimensions));
  if (size !== dimensions)
    wholeNumber(Number.NaN, 64, `dimensions of a lexical embedder (${dimensions}, no power of two)`, 4_096);
  return {
    name: "lexical",
    async embed(texts, { signal } = {}) {
      const pace = new Pace(signal);
      const vectors: Float32Array[] = [];
      for (const text of texts) {
        vectors.push(vectorOf(text, size));
        await pace.rest();
      }
      return vectors;
    },
  };
}

/** A trigram's part of a word's weight. */
const TRIGRAM_WEIGHT = 0.25;
/** Stands before the first and after the last character of a word in its trigrams. */
const EDGE = 1;
const SEED = 0x811c9dc5;
/**
 * More marks on one character than any language has, which normalizing sorts in the square of their number; the limit is
 * that of the Stream-Safe Text Format, https://unicode.org/reports/tr15/#Stream_Safe_Text_Format. The two that are no
 * marks by themselves become some.
 */
const PILED_MARKS = /([\p{M}\uff9e\uff9f]{30})[\p{M}\uff9e\uff9f]+/gu;

/** What nobody sees, as soft hyphens and joiners, but for the space without width, which is where some scripts part words. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}--\u200b]/gv;

/**
 * One form for what looks the same (ligatures, full-width letters, composed and decomposed accents), and for both cases:
 * in short what Unicode calls NFKC_Casefold. `toLowerCase` leaves ß, and makes two of İ, whose dot an i has already.
 */
function folded(text: string): string {
  const seen = text.replace(INVISIBLE, "").replace(PILED_MARKS, "$1");
  return seen.normalize("NFKC").toLowerCase().replaceAll("ß", "ss").replaceAll("i\u0307", "i");
}

function vectorOf(given: string, size: number): Float32Array {
  const text = folded(given);
  const sums = new Float32Array(size);
  let start = -1;
  let before = 0;
  for (let at = 0; at <= text.length; at++) {
    // NaN past the end, which is no part of a word.
    const unit = text.charCodeAt(at);
    const isDense = isDenseScript(unit);
    if (isWordPart(unit) && !isDense) {
      if (start === -1) start = at;
      continue;
    }
    if (start !== -1) {
      addWord(sums, text, start, at);
      start = -1;
    }
    if (isDense) {
      add(sums, mix(SEED, unit), 0.5);
      if (before !== 0) add(sums, mix(mix(SEED, before), unit), 1);
    }
    before = isDense ? unit : 0;
  }
  return dampened(sums);
}

function addWord(sums: Float32Array, text: string, start: number, end: number): void {
  const length = end - start;
  let hash = SEED;
  let hasDigit = false;
  for (let at = start; at < end; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x30 && unit <= 0x39) hasDigit = true;
    hash = mix(hash, unit);
  }
  const weight = hasDigit || length > 4 ? 1 : (LENGTH_WEIGHTS[length] ?? 1);
  add(sums, hash, weight);
  if (length < 4) return;
  let one = EDGE;
  let two = text.charCodeAt(start);
  for (let at = start + 1; at <= end; at++) {
    const three = at === end ? EDGE : text.charCodeAt(at);
    add(sums, mix(mix(mix(~SEED, one), two), three), TRIGRAM_WEIGHT * weight);
    one = two;
    two = three;
  }
}

/** By a word's length up to four. */
const LENGTH_WEIGHTS: readonly number[] = [0, 0.1, 0.2, 0.4, 0.8];

/** One step of FNV-1a, over a UTF-16 unit instead of a byte: http://www.isthe.com/chongo/tech/comp/fnv/ */
function mix(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x01000193);
}

function add(sums: Float32Array, hash: number, weight: number): void {
  // FNV's low bits are weak in its last characters: the finish of MurmurHash3 spreads them.
  let spread = hash ^ (hash >>> 16);
  spread = Math.imul(spread, 0x85ebca6b);
  spread ^= spread >>> 13;
  const index = spread & (sums.length - 1);
  sums[index] = (sums[index] as number) + (spread < 0 ? -weight : weight);
}

function dampened(sums: Float32Array): Float32Array {
  let squares = 0;
  for (let index = 0; index < sums.length; index++) {
    const sum = sums[index] as number;
    squares += Math.abs(sum);
    sums[index] = sum < 0 ? -Math.sqrt(-sum) : Math.sqrt(sum);
  }
  if (squares === 0) return sums;
  const scale = 1 / Math.sqrt(squares);
  for (let index = 0; index < sums.length; index++) sums[index] = (sums[index] as number) * scale;
  return sums;
}

/** Letters, digits and marks; beyond ASCII everything that is not known to be something else. */
function isWordPart(unit: number): boolean {
  if (unit < 0x80) return (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x30 && unit <= 0x39);
  if (unit < 0xc0) return unit === 0xaa || unit === 0xb5 || unit === 0xba;
  if (unit >= 0x2000 && unit <= 0x2bff) return false; // punctuation, arrows, mathematics, box drawing
  if (unit >= 0x3000 && unit <= 0x303f) return false; // CJK punctuation
  return unit >= 0xc0 && unit !== 0xd7 && unit !== 0xf7 && unit !== 0xfffd;
}

/** Scripts that put no spaces between words: Chinese characters, kana, Thai and the like. */
function isDenseScript(unit: number): boolean {
  if (unit < 0x0e00) return false;
  return (unit >= 0x3040 && unit <= 0x9fff) || (unit >= 0xf900 && unit <= 0xfaff) || (unit >= 0x0e00 && unit <= 0x0eff);
}
