import { useEffect, useRef, useState } from "preact/hooks";
import { plural, visible } from "../format.ts";
import { CopyButton } from "./copy.tsx";
import { Scroll } from "./scroll.tsx";

/** How many lines are shown until the user asks for all. */
const TAIL = 100;

/** The latest log lines. It stays scrolled to the end when lines are added, unless the user has scrolled up. */
export function Logs({ lines }: { readonly lines: readonly string[] }) {
  const [isWhole, setWhole] = useState(false);
  const box = useRef<HTMLElement>(null);
  const isAtEnd = useRef(true);
  const hidden = isWhole ? 0 : Math.max(0, lines.length - TAIL);
  useEffect(() => {
    if (box.current !== null && isAtEnd.current) box.current.scrollTop = box.current.scrollHeight;
  });
  const scrolled = ({ currentTarget }: { readonly currentTarget: HTMLElement }) => {
    isAtEnd.current = currentTarget.scrollHeight - currentTarget.scrollTop - currentTarget.clientHeight < 20;
  };
  return (
    <div class="value">
      <div class="value-tools">
        <CopyButton text={lines.join("\n")} what="the log" />
      </div>
      {hidden > 0 && (
        <button type="button" class="fold" onClick={() => setWhole(true)}>
          Show {plural(hidden, "earlier line")}
        </button>
      )}
      <Scroll boxRef={box} label="the log" class="code" onScroll={scrolled}>
        <pre class="logs">
          {lines.slice(hidden).map((line, index) => (
            <span key={hidden + index} class="log-line" data-line={hidden + index + 1}>
              {visible(line)}
              {"\n"}
            </span>
          ))}
        </pre>
      </Scroll>
    </div>
  );
}
