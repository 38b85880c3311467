import { JobError } from "../background/core/errors.ts";
import { unlessAborted } from "../background/core/unless-aborted.ts";
import type { Pace } from "./pace.ts";

/**
 * Turns texts into vectors: an `LLM`, an implementation of your own, or the default, `lexicalEmbedder`.
 *
 * @example
 * ```ts
 * const rag = new RAG({ embedder: new LLM("text-embedding-3-small") });
 * ```
 */
export interface Embedder<Vector extends ArrayLike<number> = ArrayLike<number>> {
  /** Identifies the embedder: a store refuses to mix vectors of different ones. Default: `model`, else `"unnamed"`. */
  readonly name?: string | undefined;
  readonly model?: string | undefined;
  /** Computes a vector for each text, in order, all of the same length. */
  embed(texts: string[], options?: { signal?: AbortSignal }): Promise<Vector[]>;
}

/** Only vectors of the same embedder and the same number of dimensions can be compared. */
export interface VectorSpace {
  readonly embedder: string;
  readonly dimensions: number;
}

/** Most dimensions of a vector; the largest models in use have 4,096. */
export const MAX_DIMENSIONS = 65_536;

/**
 * Embeds texts in one call, and validates the result, since anyone can implement an embedder.
 *
 * @param expected the number of dimensions so far
 * @returns the vectors in one array, scaled to length 1; one of zeros, for a text without content, is left as it is
 * @throws JobError `invalid_embedding`
 */
export async function embedAll(
  embedder: Embedder,
  texts: string[],
  signal: AbortSignal | undefined,
  expected: number | undefined,
  pace: Pace,
): Promise<{ readonly vectors: Float32Array; readonly dimensions: number }> {
  // An embedder may ignore the signal, or return no promise.
  const answering = Promise.resolve<unknown>(embedder.embed(texts, signal === undefined ? {} : { signal }));
  const answer = await unlessAborted(answering, signal);
  await pace.rest();
  if (!Array.isArray(answer) || answer.length !== texts.length) {
    const got = Array.isArray(answer) ? `${answer.length} vectors` : "no array of vectors";
    throw invalid(embedder, `returned ${got} for ${texts.length} texts`);
  }
  const dimensions = expected ?? Number(answer[0]?.length);
  if (!(dimensions >= 1 && dimensions <= MAX_DIMENSIONS)) throw invalid(embedder, "returned a vector without numbers");
  const vectors = new Float32Array(answer.length * dimensions);
  for (const [row, vector] of (answer as ArrayLike<number>[]).entries()) {
    if (vector?.length !== dimensions) throw invalid(embedder, "returned vectors of different lengths");
    const target = vectors.subarray(row * dimensions, (row + 1) * dimensions);
    target.set(vector);
    if (!normalize(target)) throw invalid(embedder, "returned a vector with values that are not finite numbers");
    if (pace.isDue) await pace.rest();
  }
  return { vectors, dimensions };
}

/** The name under which an embedder's vectors are stored. */
export function nameOf({ name, model }: Embedder): string {
  return String(name || model || "unnamed").slice(0, 200);
}

function invalid(embedder: Embedder, what: string): JobError {
  return new JobError("invalid_embedding", `The embedder '${nameOf(embedder)}' ${what}.`);
}

/** Scales a vector to length 1, in place; false if it contains anything but finite numbers. */
function normalize(vector: Float32Array): boolean {
  let squares = 0;
  for (let index = 0; index < vector.length; index++) squares += (vector[index] as number) ** 2;
  if (squares === 0) return true;
  if (!Number.isFinite(squares)) return false;
  const scale = 1 / Math.sqrt(squares);
  for (let index = 0; index < vector.length; index++) vector[index] = (vector[index] as number) * scale;
  return true;
}
