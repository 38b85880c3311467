import { useState } from "preact/hooks";
import { Icon } from "./icons.tsx";

/** Copies a text, and says so for a moment. */
export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 1_500);
    } catch {
      // Not allowed here, as on a page without https: it can be selected by hand.
    }
  };
  return (
    <button type="button" class="is-quiet" onClick={copy} aria-label={`Copy ${what}`} title={`Copy ${what}`}>
      {isCopied ? <span role="status">copied</span> : <Icon name="copy" />}
    </button>
  );
}
