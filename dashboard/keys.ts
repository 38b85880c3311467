import { useEffect, useRef } from "preact/hooks";

export interface Shortcut {
  /** A key, or a sequence of two: `"g j"`. */
  readonly keys: string;
  /** A description for the list of shortcuts. */
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

/** Registers shortcuts while the component is mounted. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    active.add(latest);
    return () => void active.delete(latest);
  }, []);
}

/** The shortcuts that are active now. */
export function shortcutsNow(): readonly Shortcut[] {
  return [...active].flatMap(({ current }) => current);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]), select, textarea");
}
