import { useEffect, useState } from "preact/hooks";

let aheadMs = 0;

/** Sets the clock by a response's Date header: ages are by the server's clock, since this machine's may be wrong. */
export function syncClock(date: string | null): void {
  const at = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(at)) return;
  const difference = at - Date.now();
  // A small difference means nothing: the header has whole seconds, and the response took a while.
  aheadMs = Math.abs(difference) < 5_000 ? 0 : difference;
}

export const now = (): number => Date.now() + aheadMs;

/** How far the server's clock is ahead of this machine's, as far as known. */
export const clockAhead = (): number => aheadMs;

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** The current time, updated every second while the page is visible. */
export function useNow(): number {
  const [time, setTime] = useState(now);
  useEffect(() => {
    const listen = () => setTime(now());
    listeners.add(listen);
    timer ??= setInterval(tick, 1_000);
    return () => {
      listeners.delete(listen);
      if (listeners.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  }, []);
  return time;
}

function tick(): void {
  if (!document.hidden) for (const listener of listeners) listener();
}
