const MIB = 2 ** 20;
/** Longest error response, in bytes. More would be of no use, and all of it is searched for keys. */
const MAX_ERROR_BYTES = MIB;

/**
 * A `fetch` for requests that carry an API key: it follows no redirects and limits the size of the response.
 *
 * @param maxMib size at which reading a successful response fails; an error response is truncated at 1 MiB
 */
export function guardedFetch(maxMib: number): typeof fetch {
  return async (input, init) => {
    // Providers do not redirect. The target would get the prompt, and the key too if it is in a header of its own.
    const response = await fetch(input, { ...init, redirect: "manual" });
    if (response.body === null) return response;
    return new Response(response.body.pipeThrough(response.ok ? limit(maxMib) : truncate()), response);
  };
}

function limit(maxMib: number): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let bytes = 0;
  return new TransformStream({
    transform: (chunk, controller) => {
      bytes += chunk.length;
      if (bytes > maxMib * MIB) throw new Error(`its answer is longer than ${maxMib} MiB`);
      controller.enqueue(chunk);
    },
  });
}

function truncate(): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let room = MAX_ERROR_BYTES;
  return new TransformStream({
    transform: (chunk, controller) => {
      controller.enqueue(chunk.subarray(0, room));
      room -= chunk.length;
      if (room <= 0) controller.terminate();
    },
  });
}
