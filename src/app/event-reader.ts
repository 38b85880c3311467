/** One server-sent event. */
export interface ServerSentEvent {
  /** The event's name. Default: `"message"`. */
  readonly event: string;
  /** The event's text. An App sends strings as they are, and other values as JSON. */
  readonly data: string;
  /** The latest id in the stream so far; empty if there was none. */
  readonly id: string;
}

/** Yields the events of a stream as they arrive. Leaving the loop early cancels the stream. */
export async function* readEvents(body: ReadableStream<Uint8Array> | null): AsyncGenerator<ServerSentEvent, void> {
  let fields = { event: "", data: [] as string[] };
  let id = "";
  for await (const line of linesOf(body)) {
    if (line === "") {
      if (fields.data.length > 0) yield { event: fields.event || "message", data: fields.data.join("\n"), id };
      fields = { event: "", data: [] };
      continue;
    }
    const [, name, value] = /^([^:]*)(?:: ?)?(.*)$/s.exec(line) as unknown as [string, string, string];
    if (name === "data") fields.data.push(value);
    else if (name === "event") fields.event = value;
    else if (name === "id") id = value;
  }
}

async function* linesOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<string, void> {
  let rest = "";
  for await (const text of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    rest += text;
    // A CR at the end of a chunk may be the first half of a CRLF.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield* rest.split("\r");
}
