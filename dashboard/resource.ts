import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get } from "./api.ts";
import { connectionNow, onEvent, REFUSED_MS, serverAnswered } from "./live.ts";

/** Something of the server's, kept fresh. */
export interface Resource<T> {
  /** The latest answer, also while a newer one is on its way and when that fails. */
  readonly data: T | undefined;
  readonly error: ApiError | undefined;
  /** What is shown belongs to the path before. */
  readonly isStale: boolean;
  refresh(): void;
}

interface Options<T> {
  /** Asked again this often even while a stream tells of changes: for what no event tells. Default: every ten seconds. */
  readonly everyMs?: number;
  /**
   * What an event makes of the data, if there is any yet, so that it need not be asked for; `undefined` asks again.
   * Default: asks again after every event.
   */
  readonly patch?: (data: T | undefined, type: string, event: unknown) => T | undefined;
  /** What a newer answer makes of the older. Default: it takes its place. */
  readonly merge?: (older: T | undefined, newer: T) => T;
  /** What is added to the path when it is asked again. */
  readonly pathAfter?: (data: T) => string;
}

/** Events that come in one rush are answered by one request. */
const GATHER_MS = 600;
const DEFAULT_EVERY_MS = 10_000;
/** Where there is no stream, everything is asked for this often, and where there was no answer, or none but a failure. */
const POLL_MS = 3_000;

/** Asks once, and again whenever something has changed; a request at a time. `null` asks nothing. */
export function useResource<T>(path: string | null, options: Options<T> = {}): Resource<T> {
  const [shown, setShown] = useState<{ readonly path: string; readonly data: T } | undefined>();
  const [error, setError] = useState<ApiError | undefined>();
  const latest = useRef({ options, shown, refresh: () => {} });
  latest.current.options = options;

  useEffect(() => {
    setError(undefined);
    if (path === null) return undefined;
    const ending = new AbortController();
    let isAsking = false;
    let isAskedAgain = false;
    let askedAt = 0;
    let status = 200;
    let gathering: ReturnType<typeof setTimeout> | undefined;
    const show = (data: T) => {
      latest.current.shown = { path, data };
      setShown(latest.current.shown);
    };
    const own = () => (latest.current.shown?.path === path ? latest.current.shown.data : undefined);

    const ask = async () => {
      isAskedAgain = isAsking;
      if (isAsking) return;
      isAsking = true;
      askedAt = Date.now();
      const { merge, pathAfter } = latest.current.options;
      const known = own();
      try {
        const more = known !== undefined && pathAfter !== undefined ? pathAfter(known) : "";
        const data = await get<T>(path + more, ending.signal);
        if (ending.signal.aborted) return;
        status = 200;
        serverAnswered(status);
        // An event may have changed it meanwhile.
        show(merge === undefined ? data : merge(own(), data));
        setError(undefined);
      } catch (failure) {
        if (ending.signal.aborted || !(failure instanceof ApiError)) return;
        status = failure.status;
        serverAnswered(status);
        setError(failure);
      } finally {
        isAsking = false;
        if (isAskedAgain && !ending.signal.aborted) askSoon();
      }
    };
    const askSoon = () => {
      if (gathering !== undefined) return;
      const inMs = Math.max(0, askedAt + GATHER_MS - Date.now());
      gathering = setTimeout(() => {
        gathering = undefined;
        // Who comes back gets a snapshot, which asks for all that was missed.
        if (connectionNow() !== "paused") void ask();
      }, inMs);
    };
    const tick = () => {
      const connection = connectionNow();
      if (connection === "paused") return;
      const { everyMs = DEFAULT_EVERY_MS } = latest.current.options;
      // That another has been answered since, or the stream goes on, does not answer this one.
      const isFine = connection === "live" && status !== 0 && status < 500;
      const dueMs = status === 401 ? REFUSED_MS : isFine ? everyMs : Math.min(everyMs, POLL_MS);
      if (Date.now() - askedAt >= dueMs) void ask();
    };
    const leave = onEvent((type, event) => {
      const { patch } = latest.current.options;
      const patched = patch?.(own(), type, event);
      if (patched !== undefined) show(patched);
      // A stream goes on after who it was opened for was signed out; one that begins was let in.
      else if (status !== 401 || type === "snapshot") askSoon();
    });
    const ticking = setInterval(tick, 500);
    latest.current.refresh = () => void ask();
    void ask();
    return () => {
      leave();
      clearInterval(ticking);
      clearTimeout(gathering);
      ending.abort();
    };
  }, [path]);

  return {
    data: shown?.data,
    error,
    isStale: shown !== undefined && shown.path !== path,
    refresh: () => latest.current.refresh(),
  };
}
