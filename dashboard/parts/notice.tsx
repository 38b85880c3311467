import type { ComponentChildren } from "preact";
import type { ApiError } from "../api.ts";
import { visible } from "../format.ts";
import type { Resource } from "../resource.ts";
import { Icon } from "./icons.tsx";

/** Shown when there is no data, with advice. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

export function Warning({ children }: { readonly children: ComponentChildren }) {
  return (
    <div class="warning" role="status">
      <Icon name="warning" />
      <div>{children}</div>
    </div>
  );
}

/** A placeholder that takes the space of the data, so that the layout does not jump. */
export function Loading({ rows = 4 }: { readonly rows?: number }) {
  return (
    <div class="loading" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} />
      ))}
    </div>
  );
}

const ADVICE: Readonly<Record<number, string>> = {
  401: "Sign in, then reload the page.",
  403: "You may not see this.",
  429: "There were too many requests; the page tries again automatically.",
};

/** An error of loading data whose last state is still shown, with advice. */
export const warningOf = ({ message, status }: ApiError): string => [visible(message), ADVICE[status]].join(" ").trim();

export function Failure({ error, retry }: { readonly error: ApiError; readonly retry: () => void }) {
  return (
    <div class="failure" role="alert">
      <p class="empty-title">{visible(error.message)}</p>
      <p>{ADVICE[error.status] ?? "The page tries again automatically."}</p>
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

/**
 * Shows data, or why there is none. A later error leaves the data in place, unless it belongs to another path.
 */
export function Loaded<T>(props: {
  readonly resource: Resource<T>;
  readonly rows?: number;
  readonly children: (data: T) => ComponentChildren;
}) {
  const { resource, rows, children } = props;
  const { data, error, isStale, refresh } = resource;
  if (data === undefined || (isStale && error !== undefined)) {
    return error === undefined ? <Loading rows={rows ?? 4} /> : <Failure error={error} retry={refresh} />;
  }
  return (
    <>
      {error !== undefined && error.status !== 0 && <Warning>{warningOf(error)}</Warning>}
      {children(data)}
    </>
  );
}
