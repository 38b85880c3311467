import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get } from "./api.ts";
import { clockAhead } from "./clock.ts";
import { connectionNow, onEvent, REFUSED_MS, serverAnswered } from "./live.ts";

/** Data of the server, kept up to date. */
export interface Resource<T> {
  /** The latest data, also while newer data is being loaded or if loading it failed. */
  readonly data: T | undefined;
  readonly error: ApiError | undefined;
  /** Whether the data belongs to the previous path. */
  readonly isStale: boolean;
  refresh(): void;
}

interface Options<T> {
  /** Data to show until the first response. */
  readonly initial?: T | undefined;
  /** How often to reload even while the stream is live, for changes without events. Default: 10 s. */
  readonly everyMs?: number;
  /** Applies an event to the data; `undefined` reloads. Default: reloads after every event. */
  readonly patch?: (data: T | undefined, type: string, event: unknown) => T | undefined;
  /** Merges a newer response into the older data. Default: replaces it. */
  readonly merge?: (older: T | undefined, newer: T) => T;
  /** The path with its current parameters, if they vary over time. Default: the path. */
  readonly address?: (data: T | undefined) => string;
}

/** Shortest time between two requests, so that a burst of events causes one request. */
const MIN_INTERVAL_MS = 600;
const DEFAULT_EVERY_MS = 10_000;
/** How far the estimate of the server's clock may be off. */
const CLOCK_TOLERANCE_MS = 30_000;
/** How often to reload without a stream, or after a failure. */
const POLL_MS = 3_000;

/** Loads a path, and reloads it whenever something has changed, with one request at a time. `null` loads nothing. */
export function useResource<T>(path: string | null, options: Options<T> = {}): Resource<T> {
  const { initial } = options;
  const [shown, setShown] = useState<{ readonly path: string; readonly data: T } | undefined>(
    path === null || initial === undefined ? undefined : { path, data: initial },
  );
  const [error, setError] = useState<ApiError | undefined>();
  const latest = useRef({ options, shown, refresh: () => {} });
  latest.current.options = options;

  useEffect(() => {
    setError(undefined);
    if (path === null) return undefined;
    const unmounted = new AbortController();
    let isLoading = false;
    let isReloadNeeded = false;
    let loadedAt = 0;
    let status = 200;
    let reloadTimer: ReturnType<typeof setTimeout> | undefined;
    const show = (data: T) => {
      latest.current.shown = { path, data };
      setShown(latest.current.shown);
    };
    const current = () => (latest.current.shown?.path === path ? latest.current.shown.data : undefined);

    const load = async () => {
      isReloadNeeded = isLoading;
      if (isLoading) return;
      isLoading = true;
      const isFirst = loadedAt === 0;
      loadedAt = Date.now();
      const { merge, address } = latest.current.options;
      const aheadMs = clockAhead();
      try {
        const data = await get<T>(address?.(current()) ?? path, unmounted.signal);
        if (unmounted.signal.aborted) return;
        // The first parameters may have been computed with a wrong clock. Later ones can wait for the next reload: servers
        // whose clocks differ would cause one after the other.
        const isCorrected = address !== undefined && Math.abs(clockAhead() - aheadMs) > CLOCK_TOLERANCE_MS;
        if (isFirst && isCorrected) isReloadNeeded = true;
        status = 200;
        serverAnswered(status);
        // Reads the data again, since an event may have changed it meanwhile.
        show(merge === undefined ? data : merge(current(), data));
        setError(undefined);
      } catch (failure) {
        if (unmounted.signal.aborted || !(failure instanceof ApiError)) return;
        status = failure.status;
        serverAnswered(status);
        setError(failure);
      } finally {
        isLoading = false;
        if (isReloadNeeded && !unmounted.signal.aborted) reloadSoon();
      }
    };
    const reloadSoon = () => {
      if (reloadTimer !== undefined) return;
      const inMs = Math.max(0, loadedAt + MIN_INTERVAL_MS - Date.now());
      reloadTimer = setTimeout(() => {
        reloadTimer = undefined;
        // A paused page gets a snapshot event when it is resumed, which reloads everything.
        if (connectionNow() !== "paused") void load();
      }, inMs);
    };
    const tick = () => {
      const connection = connectionNow();
      if (connection === "paused") return;
      const { everyMs = DEFAULT_EVERY_MS } = latest.current.options;
      // A failed request is repeated soon, even if the stream is live or other requests have succeeded.
      const isFine = connection === "live" && status !== 0 && status < 500;
      const dueMs = status === 401 ? REFUSED_MS : isFine ? everyMs : Math.min(everyMs, POLL_MS);
      if (Date.now() - loadedAt >= dueMs) void load();
    };
    const unsubscribe = onEvent((type, event) => {
      const { patch } = latest.current.options;
      const patched = patch?.(current(), type, event);
      if (patched !== undefined) show(patched);
      // A stream stays open after its user has signed out; only a new one, with a snapshot, proves that they may read.
      else if (status !== 401 || type === "snapshot") reloadSoon();
    });
    const ticking = setInterval(tick, 500);
    latest.current.refresh = () => void load();
    void load();
    return () => {
      unsubscribe();
      clearInterval(ticking);
      clearTimeout(reloadTimer);
      unmounted.abort();
    };
  }, [path]);

  return {
    data: shown?.data,
    error,
    isStale: shown !== undefined && shown.path !== path,
    refresh: () => latest.current.refresh(),
  };
}
