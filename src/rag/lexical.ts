import { JobError } from "../background/core/errors.ts";
import { checkOptions } from "../background/core/options.ts";
import { shown } from "../background/core/text.ts";
import type { Embedder } from "./embedder.ts";
import { Pace } from "./pace.ts";

/** Powers of two. */
const SIZES: readonly unknown[] = [64, 128, 256, 512, 1_024, 2_048, 4_096];

/** Options of {@link lexicalEmbedder}. */
export interface LexicalEmbedderOptions {
  /** Dimensions of the vectors, a power of two from 64 to 4,096; more mean fewer hash collisions. Default: 512. */
  readonly dimensions?: number | undefined;
}

/**
 * Creates an embedder that compares texts by their words and parts of words: **lexical, not semantic**. It finds
 * passages that share words with a question, whatever their inflection; it does not know that a car is a vehicle. It
 * needs no network, model or key, and gives the same vector for the same text everywhere.
 *
 * Words and, with less weight, their trigrams are hashed into a vector (the hashing trick, Weinberger et al. 2009).
 * Each number is replaced by its signed square root, so that repeated words count less and less; short words have less
 * weight, since frequent words are short (Zipf 1935). Scripts without spaces are split into pairs of characters.
 *
 * @throws JobError `invalid_option`
 * @example
 * ```ts
 * const rag = new RAG({ embedder: lexicalEmbedder({ dimensions: 1024 }) });
 * ```
 */
export function lexicalEmbedder(options: LexicalEmbedderOptions = {}): Embedder<Float32Array> & {
  readonly name: "lexical";
} {
  checkOptions(options, ["dimensions"], "options of lexicalEmbedder()");
  const { dimensions = 512 } = options;
  if (!SIZES.includes(dimensions)) {
    throw new JobError(
      "invalid_option",
      `The dimensions of a lexical embedder must be one of ${SIZES.join(", ")}, not ${shown(dimensions)}.`,
    );
  }
  return {
    name: "lexical",
    async embed(texts, { signal } = {}) {
      const pace = new Pace(signal);
      const vectors: Float32Array[] = [];
      for (const text of texts) {
        vectors.push(vectorOf(text, dimensions));
        await pace.rest();
      }
      return vectors;
    },
  };
}

/** A trigram's weight relative to its word's. */
const TRIGRAM_WEIGHT = 0.25;
/** Marks the beginning and the end of a word in its trigrams. */
const EDGE = 1;
const SEED = 0x811c9dc5;
/**
 * More combining marks on one character than any language uses, which normalization sorts in quadratic time. The limit
 * is that of the Stream-Safe Text Format, https://unicode.org/reports/tr15/#Stream_Safe_Text_Format. The two characters
 * listed are not marks, but normalization turns them into marks.
 */
const EXCESS_MARKS = /([\p{M}\uff9e\uff9f]{30})[\p{M}\uff9e\uff9f]+/gu;

/** Invisible characters such as soft hyphens, but not the zero-width space, which separates words in some scripts. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}--\u200b]/gv;

/**
 * Gives texts that look the same one form, whatever their case (ligatures, full-width letters, composed and decomposed
 * accents), close to Unicode's NFKC_Casefold. `toLowerCase` keeps ß, and turns İ into an i with a combining dot.
 */
function fold(text: string): string {
  const visible = text.replace(INVISIBLE, "").replace(EXCESS_MARKS, "$1");
  return visible.normalize("NFKC").toLowerCase().replaceAll("ß", "ss").replaceAll("i\u0307", "i");
}

function vectorOf(given: string, size: number): Float32Array {
  const text = fold(given);
  const sums = new Float32Array(size);
  let start = -1;
  let before = 0;
  for (let at = 0; at <= text.length; at++) {
    // NaN at the end, which is not part of a word.
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
  return dampen(sums);
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

/** The weight of words of up to four characters, by length. */
const LENGTH_WEIGHTS: readonly number[] = [0, 0.1, 0.2, 0.4, 0.8];

/** One step of FNV-1a, on a UTF-16 code unit instead of a byte: http://www.isthe.com/chongo/tech/comp/fnv/ */
function mix(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x01000193);
}

function add(sums: Float32Array, hash: number, weight: number): void {
  // The last characters barely affect FNV's low bits: MurmurHash3's finalizer mixes them in.
  let spread = hash ^ (hash >>> 16);
  spread = Math.imul(spread, 0x85ebca6b);
  spread ^= spread >>> 13;
  const index = spread & (sums.length - 1);
  sums[index] = (sums[index] as number) + (spread < 0 ? -weight : weight);
}

/** Replaces each number by its signed square root and scales the vector to length 1, in place. */
function dampen(sums: Float32Array): Float32Array {
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

/** Whether it is a letter, digit or mark; beyond ASCII, everything not known to be something else. */
function isWordPart(unit: number): boolean {
  if (unit < 0x80) return (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x30 && unit <= 0x39);
  if (unit < 0xc0) return unit === 0xaa || unit === 0xb5 || unit === 0xba;
  if (unit >= 0x2000 && unit <= 0x2bff) return false; // punctuation, arrows, mathematics, box drawing
  if (unit >= 0x3000 && unit <= 0x303f) return false; // CJK punctuation
  return unit >= 0xc0 && unit !== 0xd7 && unit !== 0xf7 && unit !== 0xfffd;
}

/** Whether it belongs to a script without spaces between words: Chinese characters, kana, Thai, Lao. */
function isDenseScript(unit: number): boolean {
  if (unit < 0x0e00) return false;
  return (unit >= 0x3040 && unit <= 0x9fff) || (unit >= 0xf900 && unit <= 0xfaff) || (unit >= 0x0e00 && unit <= 0x0eff);
}
