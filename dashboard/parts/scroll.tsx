import type { ComponentChildren, Ref } from "preact";

interface Props {
  readonly label: string;
  readonly class?: string;
  readonly children: ComponentChildren;
  readonly boxRef?: Ref<HTMLElement>;
  onScroll?(event: { readonly currentTarget: HTMLElement }): void;
}

/** A scrollable region that can be focused and scrolled by keyboard. */
export function Scroll({ label, class: name = "scroll", children, boxRef, onScroll }: Props) {
  return (
    <section
      // biome-ignore lint/a11y/noNoninteractiveTabindex: without focus, keys cannot scroll it.
      tabIndex={0}
      aria-label={label}
      class={name}
      {...(boxRef && { ref: boxRef })}
      {...(onScroll && { onScroll })}
    >
      {children}
    </section>
  );
}
