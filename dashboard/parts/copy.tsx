import { useState } from "preact/hooks";
import { Icon } from "./icons.tsx";

/** A button that copies a text, and confirms it for a moment. Without https, where pages may not copy, there is none. */
export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 1_500);
    } catch {
      // Denied by the user. The text can still be selected by hand.
    }
  };
  if (!isSecureContext) return null;
  return (
    <button type="button" class="is-quiet" onClick={copy} aria-label={`Copy ${what}`} title={`Copy ${what}`}>
      {isCopied ? <span role="status">copied</span> : <Icon name="copy" />}
    </button>
  );
}
