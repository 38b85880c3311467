/** Bits of an id without version and variant (RFC 9562, section 5.7): those after the time, and those after the variant. */
const REST_BITS = 74n;
const LAST_BITS = 62n;

/** How many ids a millisecond has. */
export const PLACES_A_MS: bigint = 1n << REST_BITS;

/** An id's place in the order of all ids. */
export function placeOf(jobId: string): bigint {
  const hex = jobId.replaceAll("-", "");
  const last = BigInt.asUintN(Number(LAST_BITS), BigInt(`0x${hex.slice(16)}`));
  return (BigInt(`0x${hex.slice(0, 12)}${hex.slice(13, 16)}`) << LAST_BITS) | last;
}

/** The id at a place. */
export function idAt(place: bigint): string {
  const first = (place >> LAST_BITS).toString(16).padStart(15, "0");
  const last = ((2n << LAST_BITS) | BigInt.asUintN(Number(LAST_BITS), place)).toString(16);
  return `${first.slice(0, 8)}-${first.slice(8, 12)}-7${first.slice(12)}-${last.slice(0, 4)}-${last.slice(4)}`;
}
