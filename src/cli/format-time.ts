const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** A duration in a single unit: `"850 ms"`, `"1.2 s"`, `"3 min"`, `"4 d"`. */
export function formatDuration(ms: number): string {
  for (const [unit, size] of UNITS) {
    if (ms < size) continue;
    const value = ms / size;
    return `${value < 10 && unit === "s" ? value.toFixed(1) : Math.floor(value)} ${unit}`;
  }
  return `${Math.max(0, Math.round(ms))} ms`;
}

/** A time relative to `now`: `"3 min ago"`, `"in 2 h"`. */
export function formatRelative(at: Date, now: number): string {
  const ms = now - at.getTime();
  return ms < 0 ? `in ${formatDuration(-ms)}` : `${formatDuration(ms)} ago`;
}

/** The time of day in the local time zone: `"18:05:09"`. */
export function timeOfDay(at: Date): string {
  return at.toTimeString().slice(0, 8);
}
