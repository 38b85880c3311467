import { useEffect, useRef } from "preact/hooks";

/** What a key does, in words for the list of shortcuts. */
export interface Shortcut {
  /** A key, or two that follow one another: `"g j"`. */
  readonly keys: string;
  readonly does: string;
  run(): void;
}

const active = new Set<{ readonly current: readonly Shortcut[] }>();
let first: { readonly key: string; readonly at: number } | undefined;

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]") !== null) return;
  const pair = first !== undefined && Date.now() - first.at < 1_500 ? `${first.key} ${event.key}` : undefined;
  first = undefined;
  const shortcuts = shortcutsNow();
  const found = shortcuts.find(({ keys }) => keys === pair) ?? shortcuts.find(({ keys }) => keys === event.key);
  if (found !== undefined) {
    event.preventDefault();
    found.run();
  } else if (shortcuts.some(({ keys }) => keys.startsWith(`${event.key} `))) {
    first = { key: event.key, at: Date.now() };
  }
});

/** Holds while the component is shown. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  const held = useRef(shortcuts);
  held.current = shortcuts;
  useEffect(() => {
    active.add(held);
    return () => void active.delete(held);
  }, []);
}

/** Those that would do something now. */
export function shortcutsNow(): readonly Shortcut[] {
  return [...active].flatMap(({ current }) => current);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]), select, textarea");
}
