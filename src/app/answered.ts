/** The route that matched a request; filled in while the request is answered. */
export interface MatchedRoute {
  /** The route's path as declared, with the path that its App is mounted at in front; `null` while none has matched. */
  route: string | null;
}

/** A request that an App has answered. */
export interface RequestAnswered {
  readonly method: string;
  /** The route's path as declared, such as `"/jobs/:jobId"`; `null` if no route matched. */
  readonly route: string | null;
  readonly status: number;
  /** From the request to the response's headers. The body of a stream takes longer. */
  readonly durationMs: number;
}

type Listener = (answered: RequestAnswered) => void;

const listeners = new Set<Listener>();

/** Calls `listener` for each request that any App in this process answers. Returns the function that removes it. */
export function onAnswered(listener: Listener): () => void {
  const own: Listener = (answered) => listener(answered);
  listeners.add(own);
  return () => listeners.delete(own);
}

/** Whether there is a listener at all: without one, requests need not be timed. */
export function hasAnsweredListeners(): boolean {
  return listeners.size > 0;
}

/** Calls every listener. One that throws affects neither the response nor the other listeners. */
export function notifyAnswered(answered: RequestAnswered): void {
  for (const listener of [...listeners]) {
    try {
      listener(answered);
    } catch (error) {
      process.emitWarning(`A listener of answered requests threw: ${String(error)}`, "RapidAIWarning");
    }
  }
}
