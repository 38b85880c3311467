/** One server-sent event. */
export interface ServerSentEvent {
  /** Its name: `"message"` unless it has another. */
  readonly event: string;
  /** Its text: JSON, unless a text was sent. */
  readonly data: string;
  /** The last id that was sent so far; empty if none was. */
  readonly id: string;
}

/** The events of a stream, as they come. Leaving the loop early ends the stream. */
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
    // A CR at the end may be half of a line's end.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield* rest.split("\r");
}
