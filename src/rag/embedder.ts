import { JobError } from "../background/core/errors.ts";
import { unlessAborted } from "../background/core/unless-aborted.ts";
import type { Pace } from "./pace.ts";

/**
 * Turns texts into vectors: an LLM of `rapidai`, one of your own, or the default, {@link lexicalEmbedder}.
 *
 * @example
 * ```ts
 * const rag = new RAG({ embedder: new LLM("text-embedding-3-small") });
 * ```
 */
export interface Embedder<Vector extends ArrayLike<number> = ArrayLike<number>> {
  /** What tells its vectors from another's; default its model, else `"unnamed"`. A vector store refuses to mix them. */
  readonly name?: string | undefined;
  readonly model?: string | undefined;
  /** A vector for each text, in order, all of one length. */
  embed(texts: string[], options?: { signal?: AbortSignal }): Promise<Vector[]>;
}

/** Vectors that can be compared: made by one embedder, of one length. */
export interface VectorSpace {
  readonly embedder: string;
  readonly dimensions: number;
}

/** Longest vector there may be; the largest models in use have 4,096. */
export const MAX_DIMENSIONS = 65_536;

/**
 * Embeds texts in one call, and looks at what comes back: it is a stranger's.
 *
 * @param expected how long vectors have been so far
 * @returns vectors of length 1, or of zeros where an embedder found nothing to go by, in one array
 * @throws JobError `invalid_embedding`
 */
export async function embedAll(
  embedder: Embedder,
  texts: string[],
  signal: AbortSignal | undefined,
  expected: number | undefined,
  pace: Pace,
): Promise<{ readonly vectors: Float32Array; readonly dimensions: number }> {
  // It may not know of signals, nor of promises.
  const answering = Promise.resolve<unknown>(embedder.embed(texts, signal === undefined ? {} : { signal }));
  const answer = await unlessAborted(answering, signal);
  await pace.rest();
  if (!Array.isArray(answer) || answer.length !== texts.length) {
    const got = Array.isArray(answer) ? `${answer.length} vectors` : "no array";
    throw invalid(embedder, `gave ${got} for ${texts.length} texts`);
  }
  const dimensions = expected ?? Number(answer[0]?.length);
  if (!(dimensions >= 1 && dimensions <= MAX_DIMENSIONS)) throw invalid(embedder, "gave a vector without numbers");
  const vectors = new Float32Array(answer.length * dimensions);
  for (const [row, vector] of (answer as ArrayLike<number>[]).entries()) {
    if (vector?.length !== dimensions) throw invalid(embedder, "gave vectors of different lengths");
    const target = vectors.subarray(row * dimensions, (row + 1) * dimensions);
    target.set(vector);
    if (!normalize(target)) throw invalid(embedder, "gave a vector with something other than numbers in it");
    if (pace.isDue) await pace.rest();
  }
  return { vectors, dimensions };
}

/** The name under which an embedder's vectors are kept. */
export function nameOf({ name, model }: Embedder): string {
  return String(name || model || "unnamed").slice(0, 200);
}

function invalid(embedder: Embedder, what: string): JobError {
  return new JobError("invalid_embedding", `The embedder '${nameOf(embedder)}' ${what}.`);
}

/** Brings a vector to length 1; false if it has something in it that is no finite number. */
function normalize(vector: Float32Array): boolean {
  let squares = 0;
  for (let index = 0; index < vector.length; index++) squares += (vector[index] as number) ** 2;
  if (squares === 0) return true;
  if (!Number.isFinite(squares)) return false;
  const scale = 1 / Math.sqrt(squares);
  for (let index = 0; index < vector.length; index++) vector[index] = (vector[index] as number) * scale;
  return true;
}
