/**
 * Chance inside the state: a 32-bit generator (mulberry32), so that equal states draw equal election timeouts.
 * Spreads elections only; nothing secret is made of it.
 */
export function nextRandom(seed: number): { readonly seed: number; readonly value: number } {
  const next = (seed + 0x6d2b79f5) >>> 0;
  let mixed = next;
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return { seed: next, value: (mixed ^ (mixed >>> 14)) >>> 0 };
}
