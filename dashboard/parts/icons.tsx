import type { Status } from "../api.ts";

// Each status has a shape of its own, for users who cannot tell the colours apart.
const SHAPES: Readonly<Record<Status, string>> = {
  pending: "M8 4.5V8l2.5 1.5",
  running: "M6.5 5.2v5.6L11 8z",
  completed: "m5 8.2 2.1 2.1L11 6",
  failed: "m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8",
  cancelled: "M5 8h6",
};

export function StatusIcon({ status }: { readonly status: Status }) {
  return (
    <svg class={`status-icon is-${status}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <circle cx="8" cy="8" r="6.5" />
      <path d={SHAPES[status]} />
    </svg>
  );
}

const ICONS = {
  sun: "M8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M13 3l-1.2 1.2M4.2 11.8 3 13M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6",
  moon: "M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  retry: "M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3",
  cancel: "m4 4 8 8m0-8-8 8",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.3 10.3 14 14",
  older: "m6 3 5 5-5 5",
  newer: "m10 3-5 5 5 5",
  warning: "M8 2 1.5 13.5h13zM8 6.5v3.5M8 11.6v.4",
  why: "M5.8 6a2.2 2.2 0 1 1 3.3 1.9c-.7.4-1.1.8-1.1 1.6M8 11.7v.3",
} as const;

export function Icon({ name }: { readonly name: keyof typeof ICONS }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={ICONS[name]} />
    </svg>
  );
}
