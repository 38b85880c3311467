import type { ComponentChildren } from "preact";
import { useExternalValue } from "./external-value.ts";
import { BASE } from "./settings.ts";

export interface Route {
  /** The path's segments below the mount: `["jobs", "0192…"]`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

const listeners = new Set<() => void>();
addEventListener("popstate", notify);

function currentRoute(): Route {
  const beneath = location.pathname.slice(BASE.length);
  const path = beneath.split("/").filter((segment) => segment !== "");
  return { path: path.map(decoded), query: new URLSearchParams(location.search) };
}

/** Goes to a path below the mount. */
export function navigate(to: string): void {
  history.pushState(null, "", BASE + to);
  notify();
}

export const useRoute = (): Route => useExternalValue(listeners, currentRoute);

/** A path with a query; empty parameters are left out. */
export function pathTo(path: string, query: Readonly<Record<string, string | null | undefined>> = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

export const jobPath = (jobId: string): string => `jobs/${encodeURIComponent(jobId)}`;

interface LinkProps {
  readonly to: string;
  readonly children: ComponentChildren;
  readonly class?: string;
  readonly title?: string;
  readonly "aria-current"?: "page" | "true";
}

/** A real link, so that it can be opened in another tab. */
export function Link({ to, children, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to);
    scrollTo(0, 0);
  };
  return (
    <a {...rest} href={BASE + to} onClick={follow}>
      {children}
    </a>
  );
}

function notify(): void {
  for (const listener of [...listeners]) listener();
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
