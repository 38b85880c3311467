import { useEffect, useState } from "preact/hooks";

/** A value from outside Preact, read again whenever these listeners are called. */
export function useExternalValue<T>(listeners: Set<() => void>, read: () => T): T {
  const [value, setValue] = useState(read);
  useEffect(() => {
    const listen = () => setValue(read);
    // The value may have changed between render and effect.
    listen();
    listeners.add(listen);
    return () => void listeners.delete(listen);
  }, []);
  return value;
}
