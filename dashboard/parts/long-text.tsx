import { useState } from "preact/hooks";
import { count, visible } from "../format.ts";

/** How much of a text is shown until the user asks for all. */
const FOLDED_LINES = 12;
const FOLDED_CHARACTERS = 1_000;

/** The text of an error, which may be of many pages; a long one is folded. */
export function LongText({ text }: { readonly text: string }) {
  const [isWhole, setWhole] = useState(false);
  const folded = text.split("\n", FOLDED_LINES).join("\n").slice(0, FOLDED_CHARACTERS);
  if (folded.length === text.length) return <>{visible(text)}</>;
  return (
    <>
      {visible(isWhole ? text : `${folded}…`)}{" "}
      <button type="button" class="fold" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
        {isWhole ? "Show less" : `Show all ${count(text.length)} characters`}
      </button>
    </>
  );
}
