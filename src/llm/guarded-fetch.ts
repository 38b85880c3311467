const MIB = 2 ** 20;
/** Of a refusal more is of no use to anybody, and would have to be looked through for keys. */
const MAX_REFUSAL = MIB;

/**
 * `fetch` for what holds a key: it goes nowhere but where it was sent, and takes no more than so much.
 *
 * @param maxMib of an answer, in MiB; a refusal is cut at one
 */
export function guardedFetch(maxMib: number): typeof fetch {
  return async (input, init) => {
    // No provider redirects, and whoever is named there would get the prompt, and the key where it has a header of its own.
    const response = await fetch(input, { ...init, redirect: "manual" });
    if (response.body === null) return response;
    return new Response(response.body.pipeThrough(response.ok ? limit(maxMib) : cut()), response);
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

function cut(): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let room = MAX_REFUSAL;
  return new TransformStream({
    transform: (chunk, controller) => {
      controller.enqueue(chunk.subarray(0, room));
      room -= chunk.length;
      if (room <= 0) controller.terminate();
    },
  });
}
