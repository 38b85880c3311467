import { useRef } from "preact/hooks";
import { useShortcuts } from "../keys.ts";
import { Icon } from "./icons.tsx";

interface Props {
  readonly label: string;
  /** A description of its shortcut, for the list of shortcuts. */
  readonly does: string;
  readonly maxLength: number;
  readonly value: string;
  change(value: string): void;
}

/** A field to search by, which the key `/` goes to. A screen has at most one. */
export function SearchInput({ label, does, maxLength, value, change }: Props) {
  const input = useRef<HTMLInputElement>(null);
  useShortcuts([{ keys: "/", does, run: () => input.current?.focus() }]);
  return (
    <>
      <Icon name="search" />
      <input
        ref={input}
        type="search"
        aria-label={label}
        placeholder={label}
        autocomplete="off"
        spellcheck={false}
        maxLength={maxLength}
        value={value}
        onInput={({ currentTarget }) => change(currentTarget.value)}
      />
      <kbd class="only-with-keys">/</kbd>
    </>
  );
}
