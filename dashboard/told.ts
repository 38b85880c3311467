import { useEffect, useState } from "preact/hooks";

/** What there is to read now, read again whenever these listeners are told. */
export function useTold<T>(listeners: Set<() => void>, read: () => T): T {
  const [value, setValue] = useState(read);
  useEffect(() => {
    const listen = () => setValue(read);
    // It may have changed since it was read.
    listen();
    listeners.add(listen);
    return () => void listeners.delete(listen);
  }, []);
  return value;
}
