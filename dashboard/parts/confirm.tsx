import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { visible } from "../format.ts";

interface Props {
  readonly title: string;
  /** The button's label, which names the action. */
  readonly action: string;
  readonly isDangerous?: boolean;
  readonly children: ComponentChildren;
  /** Performs the action: reports progress, and stops when the signal is aborted. */
  act(report: (progress: string) => void, signal: AbortSignal): Promise<void>;
  /** Called when the dialog has closed. */
  close(): void;
}

/** A dialog that asks for confirmation before an action. */
export function Confirm({ title, action, isDangerous = false, children, act, close }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const stopping = useRef(new AbortController());
  const [isBusy, setBusy] = useState(false);
  const [progress, setProgress] = useState<string | undefined>();
  const [error, setError] = useState<string | undefined>();
  useEffect(() => {
    dialog.current?.showModal();
    return () => stopping.current.abort();
  }, []);

  // Closed by the browser, which then moves the focus back to where it was.
  const leave = () => dialog.current?.close();
  const begin = async () => {
    const { signal } = stopping.current;
    setBusy(true);
    setProgress(undefined);
    setError(undefined);
    try {
      await act(setProgress, signal);
      if (!signal.aborted) leave();
    } catch (failure) {
      setError((failure as Error).message);
    }
    setBusy(false);
  };
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="confirm-title">
      <h2 id="confirm-title">{title}</h2>
      {children}
      {isBusy && <p role="status">{progress ?? "Working"} …</p>}
      {error !== undefined && (
        <p role="alert" class="is-failed">
          {progress !== undefined && `${progress}, and then: `}
          {visible(error)}
        </p>
      )}
      <div class="dialog-buttons">
        <button type="button" onClick={leave}>
          {isBusy ? "Stop" : "Leave it"}
        </button>
        <button type="button" class={isDangerous ? "is-dangerous" : "is-primary"} disabled={isBusy} onClick={begin}>
          {action}
        </button>
      </div>
    </dialog>
  );
}
