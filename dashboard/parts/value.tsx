import { useState } from "preact/hooks";
import { count, plural, visible } from "../format.ts";
import { CopyButton } from "./copy.tsx";
import { Scroll } from "./scroll.tsx";

/** How many lines of a value are shown until the user asks for all. */
const FOLDED_LINES = 16;
/** Longer values are not highlighted, which would be slow. */
const COLOURED_CHARACTERS = 20_000;

/** A value as JSON, only ever as text; a long one is folded. */
export function Value({ value, what }: { readonly value: unknown; readonly what: string }) {
  const [isWhole, setWhole] = useState(false);
  const json = JSON.stringify(value, null, 2) ?? "null";
  const lines = json.split("\n").flatMap(broken);
  const isLong = lines.length > FOLDED_LINES + 4;
  const shown = visible((isLong && !isWhole ? lines.slice(0, FOLDED_LINES) : lines).join("\n"));
  return (
    <div class="value">
      <div class="value-tools">
        <CopyButton text={json} what={what} />
      </div>
      <Scroll label={what} class="code">
        <pre>{shown.length > COLOURED_CHARACTERS ? shown : coloured(shown)}</pre>
      </Scroll>
      {isLong && (
        <button type="button" class="fold" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
          {isWhole ? "Show less" : `Show all ${plural(lines.length, "line")}, ${count(json.length)} characters`}
        </button>
      )}
    </div>
  );
}

/** Breaks up a line, which may be a megabyte long. */
function broken(line: string): readonly string[] {
  return line.length <= 2_000 ? [line] : (line.match(/[\s\S]{1,2000}/g) ?? []);
}

const TOKEN = /("(?:\\.|[^"\\])*"?)(\s*:)?|\b(true|false|null)\b|-?\b\d[\d.eE+-]*\b/g;

function coloured(json: string) {
  const parts = [];
  let end = 0;
  for (const match of json.matchAll(TOKEN)) {
    const [token, text, colon] = match;
    parts.push(json.slice(end, match.index));
    const kind = colon !== undefined ? "json-key" : text !== undefined ? "json-text" : "json-plain";
    parts.push(
      <span key={match.index} class={kind}>
        {token}
      </span>,
    );
    end = match.index + token.length;
  }
  parts.push(json.slice(end));
  return parts;
}
