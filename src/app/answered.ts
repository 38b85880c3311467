/** Where a request led to, once that is known. */
export interface Found {
  /** A route's path as it was declared, behind what its App is mounted at. */
  route: string | null;
}

/** A request that an App has answered. */
export interface RequestAnswered {
  readonly method: string;
  /** The route's path as it was declared, `"/jobs/:jobId"`; `null` where no route was found. */
  readonly route: string | null;
  readonly status: number;
  /** From the request to the head of the answer: a stream goes on afterwards. */
  readonly durationMs: number;
}

type Listener = (answered: RequestAnswered) => void;

const listeners = new Set<Listener>();

/** Tells of each request that an App of this process answers. Returns the function that ends it. */
export function onAnswered(listener: Listener): () => void {
  const own: Listener = (answered) => listener(answered);
  listeners.add(own);
  return () => listeners.delete(own);
}

/** Whether anybody listens. */
export function isAnsweredHeard(): boolean {
  return listeners.size > 0;
}

/** A listener that throws harms neither the answer nor the others. */
export function tellAnswered(answered: RequestAnswered): void {
  for (const listener of [...listeners]) {
    try {
      listener(answered);
    } catch (error) {
      process.emitWarning(`A listener of answered requests threw: ${String(error)}`, "RapidAIWarning");
    }
  }
}
