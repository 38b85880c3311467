import type { Status } from "../api.ts";
import { StatusIcon } from "./icons.tsx";

export function StatusBadge({ status }: { readonly status: Status }) {
  return (
    <span class={`badge is-${status}`}>
      <StatusIcon status={status} />
      {status}
    </span>
  );
}
