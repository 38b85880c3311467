import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { visible } from "../format.ts";

interface Props {
  readonly title: string;
  /** What the button says: the deed, not "OK". */
  readonly deed: string;
  readonly isDangerous?: boolean;
  readonly children: ComponentChildren;
  /** Tells how far it is, and may be stopped. */
  act(tell: (how: string) => void, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Asks before something is done to many jobs or cannot be undone. */
export function Confirm({ title, deed, isDangerous = false, children, act, close }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const stopping = useRef(new AbortController());
  const [how, setHow] = useState<string | undefined>();
  const [error, setError] = useState<string | undefined>();
  useEffect(() => {
    dialog.current?.showModal();
    return () => stopping.current.abort();
  }, []);

  const isBusy = how !== undefined && error === undefined;
  const begin = async () => {
    setHow("Working …");
    setError(undefined);
    try {
      await act(setHow, stopping.current.signal);
      close();
    } catch (failure) {
      setError((failure as Error).message);
    }
  };
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="confirm-title">
      <h2 id="confirm-title">{title}</h2>
      {children}
      {isBusy && <p role="status">{how}</p>}
      {error !== undefined && (
        <p role="alert" class="is-failed">
          {visible(error)}
        </p>
      )}
      <div class="dialog-buttons">
        <button type="button" onClick={close}>
          {isBusy ? "Stop" : "Leave it"}
        </button>
        <button type="button" class={isDangerous ? "is-dangerous" : "is-primary"} disabled={isBusy} onClick={begin}>
          {deed}
        </button>
      </div>
    </dialog>
  );
}
