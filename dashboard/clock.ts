import { useEffect, useState } from "preact/hooks";

let aheadMs = 0;

/** Ages are told by the server's clock: the one of this machine may be wrong. */
export function serverSaid(date: string | null): void {
  const at = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(at)) return;
  const difference = at - Date.now();
  // The header has whole seconds, and the answer took its time.
  aheadMs = Math.abs(difference) < 5_000 ? 0 : difference;
}

export const now = (): number => Date.now() + aheadMs;

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** The time, told again every second while somebody looks at the page. */
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
