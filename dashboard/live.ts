import { apiUrl } from "./api.ts";
import { useExternalValue } from "./external-value.ts";

/** How the page currently learns of changes. */
export type Connection = "connecting" | "live" | "polling" | "paused" | "offline";

/** Called with each of the server's events. */
export type EventListener = (type: string, data: unknown) => void;

const TYPES = ["snapshot", "counts", "jobs", "job", "log", "gone", "unavailable"];
/** How long to wait for a stream to open before polling instead. */
const OPEN_TIMEOUT_MS = 5_000;
/** How long after a failure opening a stream is tried again. */
const RETRY_MS = 15_000;
/** How often a page without valid credentials tries again: each request counts against its network's small rate limit. */
export const REFUSED_MS = 60_000;

const eventListeners = new Set<EventListener>();
const stateListeners = new Set<() => void>();
let state: Connection = "connecting";
let isReachable = true;
let isRefused = false;
let path = "events";
let source: EventSource | undefined;
let connectedAt = 0;
let openTimer: ReturnType<typeof setTimeout> | undefined;
let retryTimer: ReturnType<typeof setTimeout> | undefined;

/** Opens the stream, and closes it while the page is hidden. */
export function startLive(): void {
  document.addEventListener("visibilitychange", () => (document.hidden ? pause() : resume()));
  addEventListener("online", resume);
  if (document.hidden) state = "paused";
  else connect();
}

/** Chooses the page's only stream, by what it shows: the queue's (`"events"`) or a job's. */
export function follow(wanted: string): void {
  if (wanted === path) return;
  path = wanted;
  if (state !== "paused") connect();
}

export function onEvent(listener: EventListener): () => void {
  eventListeners.add(listener);
  return () => void eventListeners.delete(listener);
}

/** Whether the page's stream is this one, open or reconnecting by itself. */
export const isFollowing = (wanted: string): boolean => wanted === path && source !== undefined;

export const connectionNow = (): Connection => (isReachable || state === "paused" ? state : "offline");

export const useConnection = (): Connection => useExternalValue(stateListeners, connectionNow);

/** To be called after every request, with the response's status, or 0 if there was none. */
export function serverAnswered(status: number): void {
  const hasAnswered = status !== 0;
  isRefused = status === 401;
  if (hasAnswered === isReachable) return;
  isReachable = hasAnswered;
  // After an outage the stream may be dead too, unless it was opened just now.
  const isOld = state === "polling" || Date.now() - connectedAt >= RETRY_MS;
  if (hasAnswered && isOld && state !== "paused") connect();
  else enter(state);
}

function connect(): void {
  clearTimeout(retryTimer);
  clearTimeout(openTimer);
  source?.close();
  const opened = new EventSource(apiUrl(path));
  source = opened;
  connectedAt = Date.now();
  // Switching from one stream to another shows no change of the connection.
  if (state !== "live") enter("connecting");
  openTimer = setTimeout(() => fail(opened), OPEN_TIMEOUT_MS);
  opened.addEventListener("open", () => {
    clearTimeout(openTimer);
    isReachable = true;
    enter("live");
  });
  for (const type of TYPES) {
    opened.addEventListener(type, ({ data }: MessageEvent<string>) => {
      for (const listener of [...eventListeners]) listener(type, JSON.parse(data));
    });
  }
  opened.addEventListener("error", () => {
    // The browser reconnects by itself, and resumes after the last event, unless the stream was refused.
    if (opened.readyState === EventSource.CLOSED) fail(opened);
    else if (opened === source && state === "live") enter("connecting");
  });
}

function fail(opened: EventSource): void {
  clearTimeout(openTimer);
  opened.close();
  if (opened !== source) return;
  source = undefined;
  enter("polling");
  retryTimer = setTimeout(connect, isRefused ? REFUSED_MS : RETRY_MS);
}

function pause(): void {
  clearTimeout(retryTimer);
  clearTimeout(openTimer);
  source?.close();
  source = undefined;
  enter("paused");
}

function resume(): void {
  if (document.hidden || state === "live") return;
  enter("connecting");
  connect();
}

function enter(next: Connection): void {
  state = next;
  for (const listener of [...stateListeners]) listener();
}
