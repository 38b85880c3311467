/** A fraction in whole percent, 100 of them only at the end: `"29 %"`. */
export function percentOf(fraction: number): string {
  // Binary fractions are not exact: 100 times 0.29 is less than 29.
  return `${Math.floor(Number((100 * fraction).toFixed(9)))} %`;
}
