import { apiUrl } from "./api.ts";
import { useTold } from "./told.ts";

/** How the page learns of changes. */
export type Connection = "connecting" | "live" | "polling" | "paused" | "offline";

/** One of the server's events: its name and what it tells. */
export type EventListener = (type: string, data: unknown) => void;

const TYPES = ["snapshot", "counts", "jobs", "job", "log", "gone", "unavailable"];
/** A stream that has not begun by then is not waited for. */
const PATIENCE_MS = 5_000;
/** How soon a stream is tried again after one that failed. */
const RETRY_MS = 15_000;
/** How often a page asks that is told to sign in: each time is taken for a guess, and all of a network have the same few. */
export const REFUSED_MS = 60_000;

const eventListeners = new Set<EventListener>();
const stateListeners = new Set<() => void>();
let state: Connection = "connecting";
let isReachable = true;
let isRefused = false;
let path = "events";
let source: EventSource | undefined;
let connectedAt = 0;
let patience: ReturnType<typeof setTimeout> | undefined;
let retrying: ReturnType<typeof setTimeout> | undefined;

/** Begins to listen, and ends while nobody looks. */
export function startLive(): void {
  document.addEventListener("visibilitychange", () => (document.hidden ? pause() : resume()));
  addEventListener("online", resume);
  if (document.hidden) state = "paused";
  else connect();
}

/** The page has one stream, of what it shows: the queue's (`"events"`) or a job's. */
export function follow(wanted: string): void {
  if (wanted === path) return;
  path = wanted;
  if (state !== "paused") connect();
}

export function onEvent(listener: EventListener): () => void {
  eventListeners.add(listener);
  return () => void eventListeners.delete(listener);
}

/** Whether the page has a stream of this, or will have it again by itself. */
export const isFollowing = (wanted: string): boolean => wanted === path && source !== undefined;

export const connectionNow = (): Connection => (isReachable || state === "paused" ? state : "offline");

export const useConnection = (): Connection => useTold(stateListeners, connectionNow);

/** Told by every request: the status that the server answered with, 0 if it did not. */
export function serverAnswered(status: number): void {
  const hasAnswered = status !== 0;
  isRefused = status === 401;
  if (hasAnswered === isReachable) return;
  isReachable = hasAnswered;
  // The stream may be as dead as the server seemed to be, unless it began only just now.
  const isOld = state === "polling" || Date.now() - connectedAt >= RETRY_MS;
  if (hasAnswered && isOld && state !== "paused") connect();
  else enter(state);
}

function connect(): void {
  clearTimeout(retrying);
  clearTimeout(patience);
  source?.close();
  const opened = new EventSource(apiUrl(path));
  source = opened;
  connectedAt = Date.now();
  // From one stream to another there is nothing to tell.
  if (state !== "live") enter("connecting");
  patience = setTimeout(() => fail(opened), PATIENCE_MS);
  opened.addEventListener("open", () => {
    clearTimeout(patience);
    isReachable = true;
    enter("live");
  });
  for (const type of TYPES) {
    opened.addEventListener(type, ({ data }: MessageEvent<string>) => {
      for (const listener of [...eventListeners]) listener(type, JSON.parse(data));
    });
  }
  opened.addEventListener("error", () => {
    // The browser tries again by itself, from the last event on, unless the stream was refused.
    if (opened.readyState === EventSource.CLOSED) fail(opened);
    else if (opened === source && state === "live") enter("connecting");
  });
}

function fail(opened: EventSource): void {
  clearTimeout(patience);
  opened.close();
  if (opened !== source) return;
  source = undefined;
  enter("polling");
  retrying = setTimeout(connect, isRefused ? REFUSED_MS : RETRY_MS);
}

function pause(): void {
  clearTimeout(retrying);
  clearTimeout(patience);
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
